"""What every service stands on: transactions, messages, tasks, HTTP manners. No business noun lives here."""
