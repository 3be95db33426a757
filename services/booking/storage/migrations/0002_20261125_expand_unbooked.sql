-- Money that was secured and bought nothing: late and the place gone, another amount, a second payment. It goes back.
CREATE TABLE unbooked_payments (
    payment_id text PRIMARY KEY,
    booking_id text NOT NULL REFERENCES holds (booking_id),
    refund_key text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    secured_as text NOT NULL CHECK (secured_as IN ('authorized', 'captured')),
    decided_at timestamptz NOT NULL DEFAULT now()
);
