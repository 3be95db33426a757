-- Acts by hand above the limit wait for a second person; the act itself is done in the transaction of the approval.
CREATE TABLE approvals (
    id uuid PRIMARY KEY,
    act text NOT NULL CONSTRAINT ck_approvals_act CHECK (act IN ('refund')),
    payment_id uuid NOT NULL REFERENCES payments (id),
    booking_id text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT ck_approvals_amount CHECK (amount_minor > 0),
    currency text NOT NULL,
    reason text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    decided_by text,
    decided_at timestamptz,
    decision text CONSTRAINT ck_approvals_decision CHECK (decision IN ('approved', 'refused')),
    CONSTRAINT ck_approvals_second_person CHECK (decided_by IS NULL OR decision = 'refused' OR decided_by <> asked_by)
);
CREATE INDEX ix_approvals_open ON approvals (id) WHERE decision IS NULL;
