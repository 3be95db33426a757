-- Consultations: whose time is sold, when they can be booked, and the slots that holds and bookings claim.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE experts (
    expert_id text PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    bio text NOT NULL DEFAULT '',
    skills text[] NOT NULL DEFAULT '{}',
    time_zone text NOT NULL,
    room_url text NOT NULL,
    active boolean NOT NULL DEFAULT true
);
-- Opening hours of a week in the expert's own time zone; Monday is 0.
CREATE TABLE expert_hours (
    expert_id text NOT NULL REFERENCES experts (expert_id),
    weekday smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    opens time NOT NULL,
    closes time NOT NULL,
    PRIMARY KEY (expert_id, weekday, opens),
    CONSTRAINT ck_expert_hours_order CHECK (opens < closes)
);

ALTER TABLE offers
    ALTER COLUMN course_id DROP NOT NULL,
    ALTER COLUMN specialty DROP NOT NULL,
    ADD COLUMN expert_id text REFERENCES experts (expert_id),
    ADD CONSTRAINT ck_offers_kind CHECK (
        CASE kind WHEN 'session' THEN expert_id IS NOT NULL
                  WHEN 'course' THEN course_id IS NOT NULL AND specialty IS NOT NULL
                  ELSE true END);
CREATE INDEX ix_offers_expert_id ON offers (expert_id) WHERE expert_id IS NOT NULL;

-- No two claims on one expert's time overlap, whether held or booked (requirements 3, pain 6).
CREATE TABLE slots (
    booking_id text NOT NULL,
    line_id text NOT NULL,
    expert_id text NOT NULL REFERENCES experts (expert_id),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'claimed' CHECK (state IN ('claimed', 'freed', 'ended')),
    late_moves smallint NOT NULL DEFAULT 0,
    outcome text CHECK (outcome IN ('took_place', 'buyer_absent')),
    contested_at timestamptz,
    PRIMARY KEY (booking_id, line_id),
    CONSTRAINT ck_slots_order CHECK (starts_at < ends_at),
    CONSTRAINT ex_slots_claimed EXCLUDE USING gist (
        expert_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (state = 'claimed')
) WITH (fillfactor = 80);
CREATE INDEX ix_slots_ends_at ON slots (ends_at) WHERE state = 'claimed';
CREATE INDEX ix_slots_expert_id ON slots (expert_id, starts_at);

ALTER TABLE holds ADD COLUMN service_ends_at timestamptz;
-- What goes back of a cancelled booking; and what a late move leaves of the claim to money (nobody moves a session into
-- the far future to cancel it there in full).
ALTER TABLE bookings
    ADD COLUMN owed_minor bigint CHECK (owed_minor BETWEEN 0 AND amount_minor),
    ADD COLUMN refund_percent_cap smallint NOT NULL DEFAULT 100 CHECK (refund_percent_cap BETWEEN 0 AND 100);
UPDATE bookings SET owed_minor = amount_minor WHERE state = 'cancelled';
ALTER TABLE booking_transitions
    DROP CONSTRAINT booking_transitions_noun_check,
    ADD CONSTRAINT ck_booking_transitions_noun CHECK (noun IN ('hold', 'booking', 'slot')),
    ADD COLUMN actor text,
    ADD COLUMN reason text;
