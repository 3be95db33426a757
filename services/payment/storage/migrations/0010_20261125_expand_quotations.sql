-- Who asks for the money of a quotation: the expert, who may open its payment too.
ALTER TABLE checkouts ADD COLUMN seller_id text;
