"""What fulfillment decides, pure."""
