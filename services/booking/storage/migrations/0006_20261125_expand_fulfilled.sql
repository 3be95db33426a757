-- When fulfillment said that all is in place. The paid-means-fulfilled watch looks every few seconds at what is open, which is
-- little, and no longer through a month of bookings.
ALTER TABLE bookings ADD COLUMN fulfilled_at timestamptz;
UPDATE bookings b SET fulfilled_at = m.at FROM milestones m
WHERE m.booking_id = b.booking_id AND m.name = 'fulfillment.completed';
CREATE INDEX ix_bookings_open ON bookings (confirmed_at)
WHERE state = 'cancelled' OR (state = 'confirmed' AND fulfilled_at IS NULL);
CREATE INDEX ix_unbooked_payments_decided_at ON unbooked_payments (decided_at);
