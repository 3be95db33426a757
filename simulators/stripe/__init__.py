"""Stripe's dialect: payment intents, charges, refunds, disputes, transfers, its Payment Element and its webhooks."""
