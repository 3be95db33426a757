-- Payment's own tables: payments with their attempts, what moved them, refunds, webhooks, cases, and what booking said.
CREATE TABLE payments (
    id uuid PRIMARY KEY,
    booking_id text NOT NULL,
    reference text NOT NULL,
    buyer_id text NOT NULL,
    gateway text NOT NULL,
    status text NOT NULL CONSTRAINT ck_payments_status CHECK (status IN (
        'created', 'pending', 'authorized', 'captured', 'partially_refunded', 'refunded', 'voided', 'failed', 'expired',
        'unknown', 'disputed')),
    amount_minor bigint NOT NULL CONSTRAINT ck_payments_amount CHECK (amount_minor > 0),
    currency text NOT NULL CONSTRAINT ck_payments_currency CHECK (currency ~ '^[A-Z]{3}$'),
    authorized_minor bigint NOT NULL DEFAULT 0,
    captured_minor bigint NOT NULL DEFAULT 0,
    refunded_minor bigint NOT NULL DEFAULT 0,
    capture_policy text NOT NULL,
    gateway_order_id text,
    gateway_payment_id text,
    duplicate_of uuid REFERENCES payments (id),
    order_calls integer NOT NULL DEFAULT 0,
    order_lease_until timestamptz,
    polls integer NOT NULL DEFAULT 0,
    poll_at timestamptz,
    poll_lease_until timestamptz,
    expires_at timestamptz NOT NULL,
    secured_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_payments_sums CHECK (0 <= refunded_minor AND refunded_minor <= captured_minor
        AND captured_minor <= authorized_minor AND authorized_minor <= amount_minor),
    CONSTRAINT ck_payments_secured CHECK (status NOT IN ('authorized', 'captured', 'partially_refunded', 'refunded')
        OR (secured_at IS NOT NULL AND gateway_payment_id IS NOT NULL AND gateway_order_id IS NOT NULL)),
    CONSTRAINT uq_payments_booking_id_gateway UNIQUE (booking_id, gateway),
    CONSTRAINT uq_payments_gateway_gateway_order_id UNIQUE (gateway, gateway_order_id)
) WITH (fillfactor = 70);
CREATE INDEX ix_payments_poll_at ON payments (poll_at) WHERE poll_at IS NOT NULL;
-- M-8: one success for a booking; what comes beside it is marked as a duplicate and given back.
CREATE UNIQUE INDEX uq_payments_booking_id_secured ON payments (booking_id)
    WHERE duplicate_of IS NULL AND status IN ('authorized', 'captured', 'partially_refunded', 'refunded', 'disputed');

-- One row for each payment that the gateway made under an order of ours: the buyer's attempts.
CREATE TABLE gateway_payments (
    gateway text NOT NULL,
    gateway_payment_id text NOT NULL,
    payment_id uuid NOT NULL REFERENCES payments (id),
    status text NOT NULL CONSTRAINT ck_gateway_payments_status CHECK (
        status IN ('pending', 'failed', 'authorized', 'captured', 'voided')),
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    authorized_minor bigint NOT NULL DEFAULT 0,
    captured_minor bigint NOT NULL DEFAULT 0,
    refunded_minor bigint NOT NULL DEFAULT 0,
    surplus boolean NOT NULL DEFAULT false,
    late boolean NOT NULL DEFAULT false,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, gateway_payment_id),
    CONSTRAINT ck_gateway_payments_sums CHECK (0 <= refunded_minor AND refunded_minor <= captured_minor
        AND captured_minor <= authorized_minor AND authorized_minor <= amount_minor)
) WITH (fillfactor = 80);
CREATE INDEX ix_gateway_payments_payment_id ON gateway_payments (payment_id);

CREATE TABLE payment_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    from_status text,
    to_status text NOT NULL,
    trigger text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_payment_transitions_payment_id ON payment_transitions (payment_id);

-- P-17: everything that a move rested on. `signature_ok` says that the channel proved itself: the HMAC of a webhook or
-- of the browser's return, or our own authenticated query.
CREATE TABLE payment_evidence (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    to_status text NOT NULL,
    gateway_order_id text NOT NULL,
    gateway_payment_id text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    account text NOT NULL,
    source text NOT NULL CONSTRAINT ck_payment_evidence_source CHECK (source IN ('reply', 'webhook', 'poll', 'verify')),
    signature_ok boolean NOT NULL CONSTRAINT ck_payment_evidence_signature CHECK (signature_ok),
    raw text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_payment_evidence_payment_id ON payment_evidence (payment_id);

CREATE TABLE verify_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    gateway_payment_id text NOT NULL,
    signature_ok boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_verify_attempts_payment_id ON verify_attempts (payment_id);

-- The intake queue: a webhook's bytes as they came, once for each event of a gateway.
CREATE TABLE gateway_events (
    id uuid PRIMARY KEY,
    gateway text NOT NULL,
    event_id text NOT NULL,
    body bytea NOT NULL,
    digest bytea NOT NULL,
    outcome text,
    received_at timestamptz NOT NULL DEFAULT now(),
    handled_at timestamptz,
    CONSTRAINT uq_gateway_events_gateway_event_id UNIQUE (gateway, event_id)
) WITH (fillfactor = 90);

CREATE TABLE refunds (
    id uuid PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments (id),
    refund_key text NOT NULL,
    gateway text NOT NULL,
    gateway_payment_id text NOT NULL,
    gateway_refund_id text,
    status text NOT NULL CONSTRAINT ck_refunds_status CHECK (
        status IN ('requested', 'sent', 'succeeded', 'failed', 'reversed')),
    amount_minor bigint NOT NULL CONSTRAINT ck_refunds_amount CHECK (amount_minor > 0),
    currency text NOT NULL,
    reason text NOT NULL,
    calls integer NOT NULL DEFAULT 0,
    rounds integer NOT NULL DEFAULT 0,
    check_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_refunds_payment_id_refund_key UNIQUE (payment_id, refund_key),
    CONSTRAINT uq_refunds_gateway_gateway_refund_id UNIQUE (gateway, gateway_refund_id)
);
CREATE INDEX ix_refunds_check_at ON refunds (check_at) WHERE check_at IS NOT NULL;
CREATE TABLE refund_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    refund_id uuid NOT NULL REFERENCES refunds (id),
    from_status text,
    to_status text NOT NULL,
    trigger text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_refund_transitions_refund_id ON refund_transitions (refund_id);

-- What needs a person.
CREATE TABLE cases (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    dedupe text NOT NULL CONSTRAINT uq_cases_dedupe UNIQUE,
    payment_id uuid REFERENCES payments (id),
    booking_id text,
    expected_minor bigint,
    seen_minor bigint,
    currency text,
    detail text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text,
    closed_reason text
);
CREATE INDEX ix_cases_open ON cases (id) WHERE closed_at IS NULL;

-- What booking said about the bookings that were paid here; booking's own database is never read.
CREATE TABLE payment_bookings (
    booking_id text PRIMARY KEY,
    reference text NOT NULL,
    status text NOT NULL CONSTRAINT ck_payment_bookings_status CHECK (status IN ('CONFIRMED', 'CANCELLED')),
    amount_minor bigint,
    currency text,
    changed_at timestamptz NOT NULL
);
