CREATE TABLE trainers (
    trainer_id text PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    gender text NOT NULL CHECK (gender IN ('female', 'male')),
    latitude double precision,
    longitude double precision,
    active boolean NOT NULL DEFAULT true,
    active_load integer NOT NULL DEFAULT 0 CHECK (active_load >= 0)
) WITH (fillfactor = 30);
CREATE TABLE trainer_specialties (
    specialty text NOT NULL,
    trainer_id text NOT NULL REFERENCES trainers (trainer_id),
    PRIMARY KEY (specialty, trainer_id)
);
CREATE TABLE trainer_slots (
    trainer_id text NOT NULL REFERENCES trainers (trainer_id),
    weekday integer NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    time_slot text NOT NULL,
    capacity integer NOT NULL CHECK (capacity >= 0),
    taken integer NOT NULL DEFAULT 0,
    PRIMARY KEY (trainer_id, weekday, time_slot),
    CONSTRAINT ck_trainer_slots_taken CHECK (taken BETWEEN 0 AND capacity)
) WITH (fillfactor = 30);

CREATE TABLE fulfillments (
    booking_id text PRIMARY KEY,
    reference text NOT NULL,
    buyer jsonb NOT NULL,
    currency text NOT NULL,
    purchases integer NOT NULL,
    payment_id text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
) WITH (fillfactor = 70);

CREATE TABLE student_course_purchases (
    purchase_id uuid PRIMARY KEY,
    booking_id text NOT NULL,
    line_id text NOT NULL,
    student_id text NOT NULL,
    course_id text NOT NULL,
    title text NOT NULL,
    specialty text NOT NULL,
    tier integer NOT NULL CHECK (tier IN (10, 20, 30)),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    purchased_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    metadata jsonb NOT NULL,
    CONSTRAINT uq_student_course_purchases_booking_id_line_id UNIQUE (booking_id, line_id)
);
CREATE INDEX ix_student_course_purchases_student_id ON student_course_purchases (student_id);

CREATE TABLE trainer_allocations (
    allocation_id uuid PRIMARY KEY,
    purchase_id uuid NOT NULL CONSTRAINT uq_trainer_allocations_purchase_id UNIQUE,
    booking_id text NOT NULL,
    trainer_id text,
    state text NOT NULL CHECK (state IN ('pending', 'approved')),
    decision jsonb NOT NULL,
    first_session_at timestamptz,
    tries integer NOT NULL DEFAULT 1,
    next_try_at timestamptz NOT NULL DEFAULT now() + interval '30 seconds',
    deadline_at timestamptz NOT NULL DEFAULT now() + interval '3 days',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_trainer_allocations_trainer CHECK ((state = 'approved') = (trainer_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX ix_trainer_allocations_pending ON trainer_allocations (next_try_at) WHERE state = 'pending';

CREATE TABLE tutoring_sessions (
    allocation_id uuid NOT NULL,
    number integer NOT NULL,
    starts_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'completed')),
    completed_at timestamptz,
    PRIMARY KEY (allocation_id, number)
);

-- Progress is read only: kept by this trigger from completed sessions, created with the first of them (S2-10).
CREATE TABLE student_progress (
    purchase_id uuid PRIMARY KEY REFERENCES student_course_purchases (purchase_id),
    completed integer NOT NULL,
    total integer NOT NULL,
    last_completed_at timestamptz NOT NULL
);
CREATE FUNCTION keep_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO student_progress (purchase_id, completed, total, last_completed_at)
    SELECT p.purchase_id, 1, p.tier, NEW.completed_at
    FROM trainer_allocations a JOIN student_course_purchases p ON p.purchase_id = a.purchase_id
    WHERE a.allocation_id = NEW.allocation_id
    ON CONFLICT (purchase_id) DO UPDATE
    SET completed = student_progress.completed + 1, last_completed_at = excluded.last_completed_at;
    RETURN NULL;
END $$;
CREATE TRIGGER tutoring_sessions_progress AFTER UPDATE OF state ON tutoring_sessions
    FOR EACH ROW WHEN (OLD.state = 'planned' AND NEW.state = 'completed') EXECUTE FUNCTION keep_progress();

CREATE TABLE invoice_series (
    issuer text NOT NULL,
    year integer NOT NULL,
    last_number bigint NOT NULL,
    PRIMARY KEY (issuer, year)
) WITH (fillfactor = 30);
CREATE TABLE invoices (
    invoice_id uuid PRIMARY KEY,
    purchase_id uuid NOT NULL CONSTRAINT uq_invoices_purchase_id UNIQUE,
    booking_id text NOT NULL,
    issuer text NOT NULL,
    year integer NOT NULL,
    number bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'finalized', 'credited')),
    lines jsonb NOT NULL,
    total_minor bigint NOT NULL CHECK (total_minor >= 0),
    currency text NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_invoices_issuer_year_number UNIQUE (issuer, year, number)
);

CREATE TABLE fulfillment_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id text NOT NULL,
    noun text NOT NULL CHECK (noun IN ('allocation', 'invoice')),
    noun_id uuid NOT NULL,
    moved_from text,
    moved_to text NOT NULL,
    trigger text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
