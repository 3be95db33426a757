-- Experts, and whose session each line of a booking is: told by booking.confirmed, moved on by what booking says later.
CREATE TABLE experts (
    expert_id text CONSTRAINT pk_experts PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    time_zone text NOT NULL
);

CREATE TABLE consultations (
    booking_id text NOT NULL,
    line_id text NOT NULL,
    expert_id text NOT NULL,
    title text NOT NULL,
    bought_for timestamptz NOT NULL,
    starts_at timestamptz NOT NULL,
    rescheduled_at timestamptz,
    ended_at timestamptz,
    CONSTRAINT pk_consultations PRIMARY KEY (booking_id, line_id)
);
COMMENT ON COLUMN consultations.bought_for IS
    'When it was to begin as it was bought: with its expert this is how meeting.ready, which knows no line, names it.';
COMMENT ON COLUMN consultations.ended_at IS 'It was held, or cancelled with its booking: nothing of it is told any more.';
