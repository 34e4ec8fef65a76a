-- oldest program: 1
-- What an operator gives back by hand, an order's kopecks or a payment's Stars: once for each, with a reason.
create table refunds (
  bot bigint not null,
  what text not null check (what in ('order', 'payment')),
  -- The id of the order, or the charge.
  id text not null,
  person bigint not null,
  why text not null,
  -- Stars are given back although the person has spent what they bought.
  is_forced boolean not null,
  state text not null check (state in ('asked', 'done', 'refused')),
  at bigint not null,
  cid text not null,
  primary key (bot, what, id)
);
create index refunds_cid on refunds (cid);
