-- Looked up by key: a plan made while the journals were few read all of them for each new one, until they were analyzed.
CREATE OR REPLACE FUNCTION refuse_unbalanced_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT e.journal_id INTO wrong FROM added e
    GROUP BY e.journal_id
    HAVING sum(e.amount_minor) <> 0 OR count(*) < 2 OR min(e.currency) <> max(e.currency)
        OR min(e.currency) <> (SELECT j.currency FROM journals j WHERE j.id = e.journal_id)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'journal % does not balance', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
