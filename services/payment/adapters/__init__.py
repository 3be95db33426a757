"""The outside as payment meets it: gateways, and the checkout token that booking signs."""
