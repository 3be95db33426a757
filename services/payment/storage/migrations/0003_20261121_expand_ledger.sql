-- Double entry: every journal sums to zero by constraint, and nothing is ever rewritten (M-1, M-2).
CREATE TABLE journals (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT ck_journals_kind CHECK (kind IN (
        'capture', 'fee', 'share', 'refund', 'refund_reversed', 'dispute_opened', 'dispute_won', 'dispute_lost')),
    reference text NOT NULL,
    payment_id uuid NOT NULL REFERENCES payments (id),
    booking_id text NOT NULL,
    currency text NOT NULL CONSTRAINT ck_journals_currency CHECK (currency ~ '^[A-Z]{3}$'),
    at timestamptz NOT NULL DEFAULT now(),
    -- M-6: each capture, refund and dispute of a gateway is booked exactly once.
    CONSTRAINT uq_journals_kind_reference UNIQUE (kind, reference)
);
CREATE INDEX ix_journals_booking_id ON journals (booking_id);
CREATE TABLE ledger_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    journal_id uuid NOT NULL REFERENCES journals (id),
    account text NOT NULL,
    line_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT ck_ledger_entries_amount CHECK (amount_minor <> 0)
);
CREATE INDEX ix_ledger_entries_journal_id ON ledger_entries (journal_id);
CREATE INDEX ix_ledger_entries_account ON ledger_entries (account, currency) INCLUDE (amount_minor);

-- What the lines of a booking are to whom: made when its money is captured and the booking is confirmed.
CREATE TABLE line_shares (
    payment_id uuid NOT NULL REFERENCES payments (id),
    line_id text NOT NULL,
    partner_id text,
    total_minor bigint NOT NULL CONSTRAINT ck_line_shares_total CHECK (total_minor >= 0),
    partner_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (payment_id, line_id),
    CONSTRAINT ck_line_shares_sums CHECK (0 <= partner_minor AND partner_minor <= total_minor
        AND 0 <= refunded_minor AND refunded_minor <= total_minor)
) WITH (fillfactor = 90);
ALTER TABLE payment_bookings ADD COLUMN lines jsonb;

CREATE FUNCTION refuse_unbalanced_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT e.journal_id INTO wrong FROM added e JOIN journals j ON j.id = e.journal_id
    GROUP BY e.journal_id, j.currency
    HAVING sum(e.amount_minor) <> 0 OR count(*) < 2 OR bool_or(e.currency <> j.currency) LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'journal % does not balance', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced_journal();

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a new journal', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER journals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
