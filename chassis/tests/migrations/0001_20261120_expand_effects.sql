CREATE TABLE effects (message_id uuid PRIMARY KEY, booking_id text NOT NULL, n integer NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY);
