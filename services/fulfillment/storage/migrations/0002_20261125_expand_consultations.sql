-- Sessions that were bought: one row for each session line, with the expert and the meeting that it takes place in.
CREATE TABLE consultations (
    purchase_id uuid PRIMARY KEY,
    booking_id text NOT NULL,
    line_id text NOT NULL,
    student_id text NOT NULL,
    title text NOT NULL,
    expert_id text NOT NULL,
    expert_name text NOT NULL,
    expert_email text NOT NULL,
    expert_time_zone text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    meeting_id uuid NOT NULL CONSTRAINT uq_consultations_meeting_id UNIQUE,
    provider text NOT NULL,
    join_url text NOT NULL,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'moved', 'held', 'removed')),
    rescheduled_at timestamptz,
    purchased_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_consultations_booking_id_line_id UNIQUE (booking_id, line_id)
) WITH (fillfactor = 80);
CREATE INDEX ix_consultations_student_id ON consultations (student_id);
CREATE INDEX ix_consultations_expert_id ON consultations (expert_id, starts_at, purchase_id);

-- Not checked against the rows that are there: they are of the old nouns, and a scan would stop traffic.
ALTER TABLE fulfillment_transitions
    DROP CONSTRAINT fulfillment_transitions_noun_check,
    ADD CONSTRAINT ck_fulfillment_transitions_noun CHECK (noun IN ('allocation', 'invoice', 'meeting')) NOT VALID;
