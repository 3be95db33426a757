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

-- What a buyer's bank claims back: kept with its deadline; while one is open, what is shared of the payment stays here.
CREATE TABLE disputes (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    gateway text NOT NULL,
    gateway_dispute_id text NOT NULL,
    gateway_payment_id text NOT NULL,
    status text NOT NULL CONSTRAINT ck_disputes_status CHECK (status IN ('needs_response', 'under_review', 'won', 'lost')),
    amount_minor bigint NOT NULL CONSTRAINT ck_disputes_amount CHECK (amount_minor >= 0),
    currency text NOT NULL,
    reason text NOT NULL,
    respond_by timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_disputes_gateway_gateway_dispute_id UNIQUE (gateway, gateway_dispute_id)
);
CREATE INDEX ix_disputes_payment_id ON disputes (payment_id);
CREATE TABLE dispute_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispute_id uuid NOT NULL REFERENCES disputes (id),
    from_status text,
    to_status text NOT NULL,
    trigger text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_dispute_transitions_dispute_id ON dispute_transitions (dispute_id);
