CREATE TABLE offers (
    offer_id text PRIMARY KEY,
    kind text NOT NULL,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    course_id text NOT NULL,
    specialty text NOT NULL,
    prices jsonb NOT NULL,
    price_version integer NOT NULL DEFAULT 1,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    capture_policy text NOT NULL CHECK (capture_policy IN ('immediate', 'after_service')),
    refund_policy jsonb NOT NULL,
    session_minutes integer NOT NULL DEFAULT 60,
    seats integer CHECK (seats > 0),
    seats_taken integer NOT NULL DEFAULT 0 CHECK (seats_taken >= 0),
    active boolean NOT NULL DEFAULT true,
    CONSTRAINT ck_offers_seats CHECK (seats IS NULL OR seats_taken <= seats)
);

CREATE TABLE carts (
    cart_id text PRIMARY KEY,
    owner text,
    booking_id text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE TABLE cart_lines (
    line_id text PRIMARY KEY,
    cart_id text NOT NULL REFERENCES carts (cart_id),
    offer_id text NOT NULL REFERENCES offers (offer_id),
    quantity integer NOT NULL CHECK (quantity > 0),
    wish jsonb NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_cart_lines_cart_id ON cart_lines (cart_id);

-- A hold is one narrow row for the whole checkout: who decides about it locks this row. What it holds never changes.
CREATE TABLE holds (
    booking_id text PRIMARY KEY,
    reference text NOT NULL CONSTRAINT uq_holds_reference UNIQUE,
    cart_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'converted', 'expired', 'released')),
    places jsonb NOT NULL DEFAULT '{}',
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    capture_policy text NOT NULL,
    payment_id text,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX ix_holds_expires_at ON holds (expires_at) WHERE state = 'held';
CREATE TABLE hold_contents (
    booking_id text PRIMARY KEY,
    buyer jsonb NOT NULL,
    lines jsonb NOT NULL,
    refund_policy jsonb NOT NULL
);

CREATE TABLE bookings (
    booking_id text PRIMARY KEY,
    reference text NOT NULL,
    payment_id text NOT NULL CONSTRAINT uq_bookings_payment_id UNIQUE,
    state text NOT NULL CHECK (state IN ('confirmed', 'in_progress', 'completed', 'cancelled')),
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    secured_as text NOT NULL CHECK (secured_as IN ('authorized', 'captured')),
    confirmed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

CREATE TABLE booking_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id text NOT NULL,
    noun text NOT NULL CHECK (noun IN ('hold', 'booking')),
    moved_from text,
    moved_to text NOT NULL,
    trigger text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_booking_transitions_booking_id ON booking_transitions (booking_id);

-- What other services said about a booking: append-only, read for the buyer's page.
CREATE TABLE milestones (
    booking_id text NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    at timestamptz NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (booking_id, name, subject)
);

CREATE TABLE cases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    booking_id text NOT NULL,
    detail jsonb NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    deadline_at timestamptz NOT NULL DEFAULT now() + interval '1 day',
    closed_at timestamptz
);
