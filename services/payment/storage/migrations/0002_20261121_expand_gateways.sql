-- Several gateways: many gateway orders for one payment, how its money is collected, and what the gateway keeps.

-- One row for each order made at a gateway for a payment; written before the call, its id when the gateway has answered.
CREATE TABLE gateway_orders (
    payment_id uuid NOT NULL REFERENCES payments (id),
    number integer NOT NULL CONSTRAINT ck_gateway_orders_number CHECK (number > 0),
    gateway text NOT NULL,
    gateway_order_id text,
    checkout jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, number),
    CONSTRAINT uq_gateway_orders_gateway_gateway_order_id UNIQUE (gateway, gateway_order_id)
);
INSERT INTO gateway_orders (payment_id, number, gateway, gateway_order_id, created_at)
SELECT id, 1, gateway, gateway_order_id, created_at FROM payments WHERE order_calls > 0 OR gateway_order_id IS NOT NULL;
ALTER TABLE payments DROP CONSTRAINT uq_payments_gateway_gateway_order_id;

ALTER TABLE payments
    ADD COLUMN collection text NOT NULL DEFAULT 'capture_now' CONSTRAINT ck_payments_collection CHECK (
        collection IN ('capture_now', 'authorize_now', 'save_method')),
    ADD COLUMN plan_why text NOT NULL DEFAULT '',
    ADD COLUMN service_ends_at timestamptz,
    ADD COLUMN capture_before timestamptz,
    ADD COLUMN capture_at timestamptz,
    ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0 CONSTRAINT ck_payments_fee CHECK (fee_minor >= 0);
CREATE INDEX ix_payments_capture_at ON payments (capture_at) WHERE capture_at IS NOT NULL;
ALTER TABLE gateway_payments
    ADD COLUMN gateway_order_id text,
    ADD COLUMN fee_minor bigint NOT NULL DEFAULT 0 CONSTRAINT ck_gateway_payments_fee CHECK (fee_minor >= 0);
UPDATE gateway_payments g SET gateway_order_id = p.gateway_order_id FROM payments p WHERE p.id = g.payment_id;
