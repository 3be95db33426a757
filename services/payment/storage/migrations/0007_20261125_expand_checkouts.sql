-- What booking told about checkouts, the newest of each cart: process-cart opens payments from it (ADR 0015).
CREATE TABLE checkouts (
    cart_id text PRIMARY KEY,
    booking_id text NOT NULL,
    reference text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT ck_checkouts_amount CHECK (amount_minor > 0),
    currency text NOT NULL,
    capture_policy text NOT NULL,
    buyer_id text NOT NULL,
    service_ends_at timestamptz,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
