-- One database and one role for each service; run once by the server's first start.
CREATE ROLE booking LOGIN PASSWORD 'booking';
CREATE ROLE payment LOGIN PASSWORD 'payment';
CREATE ROLE fulfillment LOGIN PASSWORD 'fulfillment';
CREATE ROLE notification LOGIN PASSWORD 'notification';
CREATE DATABASE booking OWNER booking;
CREATE DATABASE payment OWNER payment;
CREATE DATABASE fulfillment OWNER fulfillment;
CREATE DATABASE notification OWNER notification;
