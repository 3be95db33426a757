-- Whose offer it is, and the partner's share in basis points (S1-19); without a partner it is the platform's own.
ALTER TABLE offers
    ADD COLUMN partner_id text,
    ADD COLUMN partner_bps integer NOT NULL DEFAULT 8000 CONSTRAINT ck_offers_partner_bps CHECK (
        partner_bps BETWEEN 0 AND 10000);
