"""What booking decides, pure."""
