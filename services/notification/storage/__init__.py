"""What is remembered: contacts, devices, preferences and deliveries."""
