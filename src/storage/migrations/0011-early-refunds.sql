-- oldest program: 1
-- Stars that Telegram gave back before their payment was handled: the payment is reversed as soon as it is credited.
create table early_refunds (
  bot bigint not null,
  charge text not null,
  at bigint not null,
  cid text not null,
  primary key (bot, charge)
);
create trigger early_refunds_stay before update or delete on early_refunds
  for each row execute function refuse_change('what Telegram said was given back stays');
create trigger early_refunds_stay_all before truncate on early_refunds
  for each statement execute function refuse_change('what Telegram said was given back stays');

-- Invoices of a person that were not paid yet.
create index top_ups_open on top_ups (bot, person, made_at) where state = 'open';
