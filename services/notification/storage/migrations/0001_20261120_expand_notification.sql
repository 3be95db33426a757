-- Who is told (contacts, trainers, devices), what they wish (preferences), and what is owed to them (deliveries).
CREATE TABLE contacts (
    booking_id text CONSTRAINT pk_contacts PRIMARY KEY,
    student_id text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    reference text NOT NULL,
    time_zone text NOT NULL,
    titles text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE trainers (
    trainer_id text CONSTRAINT pk_trainers PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL
);

CREATE TABLE preferences (
    owner text CONSTRAINT pk_preferences PRIMARY KEY,
    push boolean NOT NULL,
    optional_mail boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE devices (
    device_id uuid CONSTRAINT pk_devices PRIMARY KEY,
    owner text NOT NULL,
    target text NOT NULL CONSTRAINT ck_devices_target CHECK (target IN ('token', 'fid')),
    registration text NOT NULL CONSTRAINT uq_devices_registration UNIQUE,
    last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_devices_owner ON devices (owner);

CREATE TABLE deliveries (
    delivery_id uuid CONSTRAINT pk_deliveries PRIMARY KEY,
    booking_id text NOT NULL,
    kind text NOT NULL,
    recipient text NOT NULL,
    about text NOT NULL,
    state text NOT NULL DEFAULT 'queued'
        CONSTRAINT ck_deliveries_state CHECK (state IN ('queued', 'sent', 'failed', 'suppressed')),
    facts jsonb NOT NULL,
    address_masked text,
    tries_unsettled smallint NOT NULL DEFAULT 0,
    reason text,
    queued_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    CONSTRAINT uq_deliveries_booking_id_kind_recipient_about UNIQUE (booking_id, kind, recipient, about)
) WITH (fillfactor = 80);
CREATE INDEX ix_deliveries_failed ON deliveries (queued_at) WHERE state = 'failed';

CREATE TABLE delivery_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_delivery_transitions PRIMARY KEY,
    delivery_id uuid NOT NULL CONSTRAINT fk_delivery_transitions_deliveries REFERENCES deliveries,
    from_state text NOT NULL,
    trigger text NOT NULL,
    to_state text NOT NULL,
    reason text,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_delivery_transitions_delivery_id ON delivery_transitions (delivery_id);
