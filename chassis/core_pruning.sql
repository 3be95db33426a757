-- Old keys are found without reading the young ones.
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys USING brin (created_at);
