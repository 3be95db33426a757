"""Pure decisions about notices and deliveries: no await, session, clock or log."""
