-- The chassis' own tables, the same in every service's database: the row decides, the offset is only a hint.
CREATE TABLE inbox (
    step text NOT NULL,
    message_id uuid NOT NULL,
    digest bigint NOT NULL,
    topic text,
    partition integer,
    "offset" bigint,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (step, message_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 1.0);
CREATE INDEX ix_inbox_taken_at ON inbox USING brin (taken_at);

CREATE TABLE tasks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    step text NOT NULL,
    message_id uuid NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    body bytea,
    headers jsonb,
    topic text,
    partition integer,
    "offset" bigint,
    traceparent text,
    state text NOT NULL CHECK (state IN ('ready', 'blocked', 'held', 'running', 'dead')),
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    interruptions integer NOT NULL DEFAULT 0,
    episode integer NOT NULL DEFAULT 0,
    lease_token uuid,
    lease_until timestamptz,
    held_by text,
    disposition text,
    error_class text,
    error_message text,
    fingerprint text,
    first_failed_at timestamptz,
    dead_at timestamptz,
    deadline_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_tasks_step_message_id UNIQUE (step, message_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX ix_tasks_due ON tasks (due_at) WHERE state IN ('ready', 'held');
CREATE INDEX ix_tasks_lease ON tasks (lease_until) WHERE state = 'running';
CREATE INDEX ix_tasks_step_key ON tasks (step, key, id);
CREATE INDEX ix_tasks_dead ON tasks (id) WHERE state = 'dead';

CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    step text NOT NULL,
    message_id uuid NOT NULL,
    attempt integer NOT NULL,
    episode integer NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    error_class text NOT NULL,
    error_message text NOT NULL,
    fingerprint text NOT NULL
);
CREATE INDEX ix_attempts_message_id ON attempts (message_id);

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    body bytea CHECK (octet_length(body) <= 1100000),
    headers jsonb,
    causation_id uuid,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_events_key ON events (key);
CREATE TABLE outbox (
    id bigint PRIMARY KEY
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE publications (
    id bigint PRIMARY KEY,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE leases (
    name text PRIMARY KEY,
    owner uuid NOT NULL,
    until timestamptz NOT NULL,
    epoch bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    booking_id text,
    reason text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ix_audit_target ON audit (target);
CREATE INDEX ix_audit_booking_id ON audit (booking_id);

CREATE TABLE replays (
    id uuid PRIMARY KEY,
    requested_by text NOT NULL,
    reason text NOT NULL,
    filter jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'stopped')),
    wave integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE TABLE replay_items (
    replay_id uuid NOT NULL REFERENCES replays (id),
    task_id bigint NOT NULL,
    episode integer NOT NULL,
    position integer NOT NULL,
    outcome text CHECK (outcome IN ('sent', 'succeeded', 'dead_again', 'stale')),
    PRIMARY KEY (replay_id, task_id)
);

CREATE TABLE idempotency_keys (
    caller text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request_digest bytea NOT NULL,
    status integer,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, route, key)
);
