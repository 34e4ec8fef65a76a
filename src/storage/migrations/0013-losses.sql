-- oldest program: 1
-- What brought no revenue for a reason that is not the person's, each once.
create table losses (
  id bigint generated always as identity primary key,
  bot bigint not null,
  cause text not null,
  at bigint not null,
  cid text not null,
  order_id text,
  -- Which result of the order, from 1.
  result integer,
  person bigint,
  -- What KIE took for it; null when nobody knows.
  credits numeric,
  -- The revenue that is missing.
  kopecks bigint,
  detail text not null
);
-- An order has one for each cause and result; without an order a story has one for each cause and detail.
create unique index losses_once on losses (order_id, cause, coalesce(result, 0)) where order_id is not null;
create unique index losses_told_once on losses (bot, cause, cid, md5(detail)) where order_id is null;
create index losses_at on losses (bot, at);
create index losses_cid on losses (cid);
create trigger losses_stay before update or delete on losses
  for each row execute function refuse_change('a loss that was recorded stays');
create trigger losses_stay_all before truncate on losses
  for each statement execute function refuse_change('a loss that was recorded stays');

-- The newest orders that were delivered.
create index orders_completed on orders (updated_at) where status = 'completed';
