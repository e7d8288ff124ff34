-- What has been done with each message, and what was answered: who gets it again answers the same, and does nothing.
CREATE TABLE IF NOT EXISTS processed (
  step text NOT NULL,
  message_id text NOT NULL,
  answers jsonb NOT NULL DEFAULT '[]',
  PRIMARY KEY (step, message_id)
);

CREATE TABLE IF NOT EXISTS orders (
  id text PRIMARY KEY,
  amount integer NOT NULL,
  state text NOT NULL
);

-- The history of each order.
CREATE TABLE IF NOT EXISTS transitions (
  number bigserial PRIMARY KEY,
  order_id text NOT NULL REFERENCES orders,
  state text NOT NULL
);

-- One charge and one refund of an order at most; the amount of a refund is negative.
CREATE TABLE IF NOT EXISTS payments (
  order_id text NOT NULL,
  kind text NOT NULL,
  amount integer NOT NULL,
  PRIMARY KEY (order_id, kind)
);
