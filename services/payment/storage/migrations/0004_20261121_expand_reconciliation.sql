-- Reconciliation: each comparison of a period with a gateway's own book, and what differed.
CREATE TABLE reconciliation_runs (
    id uuid PRIMARY KEY,
    gateway text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    reason text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    ended_at timestamptz,
    compared integer NOT NULL DEFAULT 0,
    mended integer NOT NULL DEFAULT 0,
    differing integer NOT NULL DEFAULT 0,
    failure text,
    CONSTRAINT ck_reconciliation_runs_period CHECK (since < until)
);
CREATE INDEX ix_reconciliation_runs_gateway ON reconciliation_runs (gateway, until);
CREATE TABLE reconciliation_differences (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES reconciliation_runs (id),
    kind text NOT NULL CONSTRAINT ck_reconciliation_differences_kind CHECK (kind IN (
        'missing_here', 'missing_there', 'currency', 'state', 'captured', 'fee', 'refunded')),
    gateway_payment_id text NOT NULL,
    payment_id uuid REFERENCES payments (id),
    ours text NOT NULL,
    theirs text NOT NULL,
    mended boolean NOT NULL,
    proposed text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_reconciliation_differences_run_id ON reconciliation_differences (run_id);
-- A payment of a gateway that no order of ours has is a case without a payment.
CREATE INDEX ix_gateway_payments_created_at ON gateway_payments (gateway, created_at);
