-- A method that is saved now and charged near the date (ADR 0018): what was saved, when it is charged, and what an order is for.
ALTER TABLE payments
    DROP CONSTRAINT ck_payments_status,
    ADD CONSTRAINT ck_payments_status CHECK (status IN (
        'created', 'pending', 'method_saved', 'authorized', 'captured', 'partially_refunded', 'refunded', 'voided', 'failed',
        'expired', 'unknown', 'disputed')),
    ADD COLUMN authorize_at timestamptz,
    ADD COLUMN charge_at timestamptz,
    ADD COLUMN saved_customer text,
    ADD COLUMN saved_method text,
    ADD CONSTRAINT ck_payments_saved CHECK ((saved_customer IS NULL) = (saved_method IS NULL)
        AND (charge_at IS NULL OR saved_method IS NOT NULL) AND (status <> 'method_saved' OR saved_method IS NOT NULL));
CREATE INDEX ix_payments_charge_at ON payments (charge_at) WHERE charge_at IS NOT NULL;
-- `pay`: the buyer pays it. `save`: the buyer's method is saved by it. `charge`: the saved method pays it. An ended order is paid no more.
ALTER TABLE gateway_orders
    ADD COLUMN purpose text NOT NULL DEFAULT 'pay' CONSTRAINT ck_gateway_orders_purpose CHECK (
        purpose IN ('pay', 'save', 'charge')),
    ADD COLUMN ended boolean NOT NULL DEFAULT false;
