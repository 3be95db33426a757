"""The outside of fulfillment: rendering."""
