"""Razorpay's dialect: orders, payments, refunds, checkout and webhooks as its documents and SDK have them."""
