-- What an expert offers one buyer at a price of its own. Sent, it is a hold like any other, and follows it.
CREATE TABLE quotations (
    quotation_id text PRIMARY KEY,
    expert_id text NOT NULL REFERENCES experts (expert_id),
    student_id text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    title text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    capture_policy text NOT NULL CHECK (capture_policy IN ('immediate', 'after_service')),
    valid_hours integer NOT NULL CHECK (valid_hours > 0),
    booking_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_quotations_order CHECK (starts_at < ends_at)
);
