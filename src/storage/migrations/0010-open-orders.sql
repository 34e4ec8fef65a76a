-- oldest program: 1
-- Orders that wait for something, by how long they have been in their state; gifts that are on their way as well.
create index orders_open on orders (status, updated_at, id)
  where status in ('placed', 'submitting', 'uncertain', 'generating', 'delivering')
     or (status = 'released' and body -> 'order' ->> 'gift' = 'delivering');
-- The transfers of one order.
create index transfers_of_order on transfers (order_id) where order_id is not null;
-- Gifts by the beginning of their cause; only in this collation does an index know beginnings.
create index transfers_gifts on transfers (cause collate "C") where kind = 'gift';
