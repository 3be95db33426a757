-- Payouts: where partners' money goes, each transfer with the lines that it pays, and what of each line is still due.

-- Where the money of a partner in one currency goes. Without such a row it stays owed, and is shown.
CREATE TABLE payout_accounts (
    partner_id text NOT NULL,
    currency text NOT NULL CONSTRAINT ck_payout_accounts_currency CHECK (currency ~ '^[A-Z]{3}$'),
    gateway text NOT NULL,
    destination text NOT NULL,
    paused_reason text,
    next_batch_at timestamptz NOT NULL DEFAULT now(),
    set_by text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, currency)
);
CREATE INDEX ix_payout_accounts_next_batch_at ON payout_accounts (next_batch_at) WHERE paused_reason IS NULL;

CREATE TABLE payouts (
    id uuid PRIMARY KEY,
    partner_id text NOT NULL,
    gateway text NOT NULL,
    destination text NOT NULL,
    gateway_payout_id text,
    status text NOT NULL CONSTRAINT ck_payouts_status CHECK (
        status IN ('requested', 'sent', 'paid', 'failed', 'returned')),
    amount_minor bigint NOT NULL CONSTRAINT ck_payouts_amount CHECK (amount_minor > 0),
    returned_minor bigint NOT NULL DEFAULT 0,
    currency text NOT NULL,
    reason text,
    calls integer NOT NULL DEFAULT 0,
    check_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_payouts_returned CHECK (0 <= returned_minor AND returned_minor <= amount_minor),
    CONSTRAINT uq_payouts_gateway_gateway_payout_id UNIQUE (gateway, gateway_payout_id)
);
CREATE INDEX ix_payouts_check_at ON payouts (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX ix_payouts_created_at ON payouts (gateway, created_at);
-- One transfer of a partner's money under way at a time: the next one waits for its end.
CREATE UNIQUE INDEX uq_payouts_open ON payouts (partner_id, currency) WHERE status IN ('requested', 'sent');
CREATE TABLE payout_transitions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payout_id uuid NOT NULL REFERENCES payouts (id),
    from_status text,
    to_status text NOT NULL,
    trigger text NOT NULL,
    reason text NOT NULL,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_payout_transitions_payout_id ON payout_transitions (payout_id);

-- What a payout pays of each line; negative where a refund came after an earlier payout and is carried on.
CREATE TABLE payout_lines (
    payout_id uuid NOT NULL REFERENCES payouts (id),
    payment_id uuid NOT NULL,
    line_id text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT ck_payout_lines_amount CHECK (amount_minor <> 0),
    undone_minor bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (payout_id, payment_id, line_id),
    FOREIGN KEY (payment_id, line_id) REFERENCES line_shares (payment_id, line_id)
);
CREATE INDEX ix_payout_lines_payment_id ON payout_lines (payment_id, line_id);

-- `due_minor`: the partner's part, less what went back of it, less what was paid out. As `LineShare.partner_refunded`.
ALTER TABLE line_shares
    ADD COLUMN shared_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN paid_out_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN due_minor bigint GENERATED ALWAYS AS (
        partner_minor - div(partner_minor::numeric * refunded_minor, greatest(total_minor, 1))::bigint - paid_out_minor
    ) STORED;
CREATE INDEX ix_line_shares_due ON line_shares (partner_id, payment_id) WHERE due_minor <> 0;
CREATE INDEX ix_refunds_open ON refunds (payment_id) WHERE status IN ('requested', 'sent');

-- A journal is about one payment or about one payout, which pays lines of many.
ALTER TABLE journals
    ALTER COLUMN payment_id DROP NOT NULL,
    ALTER COLUMN booking_id DROP NOT NULL,
    ADD COLUMN payout_id uuid REFERENCES payouts (id),
    ADD CONSTRAINT ck_journals_cause CHECK (num_nonnulls(payment_id, payout_id) = 1),
    DROP CONSTRAINT ck_journals_kind,
    ADD CONSTRAINT ck_journals_kind CHECK (kind IN (
        'capture', 'fee', 'share', 'refund', 'refund_reversed', 'dispute_opened', 'dispute_won', 'dispute_lost',
        'payout', 'payout_paid', 'payout_undone'));
ALTER TABLE reconciliation_differences
    DROP CONSTRAINT ck_reconciliation_differences_kind,
    ADD CONSTRAINT ck_reconciliation_differences_kind CHECK (kind IN (
        'missing_here', 'missing_there', 'currency', 'state', 'captured', 'fee', 'refunded',
        'payout_missing_here', 'payout_missing_there', 'payout_state', 'payout_amount'));
