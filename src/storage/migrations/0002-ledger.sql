-- oldest program: 1
-- The books. Transfers are immutable and each has a cause that exists once; src/money/transfer.ts lists every kind.
-- Only people's accounts have a row, with a balance that is never negative; the shop's are sums over the journal.
-- All times are milliseconds since 1970, given by the program.

create table accounts (
  id bigint generated always as identity primary key,
  person bigint not null,
  unit text not null check (unit in ('RUB', 'GEN')),
  -- The shop's day of a day's free generations; empty for an account without a day.
  day text not null default '',
  balance bigint not null default 0 check (balance >= 0),
  -- Length and newest hash of this account's chain of transfers.
  entries bigint not null default 0,
  head bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000',
  constraint accounts_once unique (person, unit, day),
  constraint accounts_day_is_of_generations check (day = '' or unit = 'GEN')
);

create table transfers (
  id bigint generated always as identity primary key,
  cause text not null constraint transfers_cause_once unique,
  kind text not null,
  unit text not null check (unit in ('RUB', 'GEN')),
  amount bigint not null check (amount > 0),
  source text not null,
  target text not null,
  -- The person's account in it, if any, and the number of the transfer in that account's chain, from 1.
  account bigint references accounts,
  entry bigint,
  order_id text,
  at bigint not null,
  cid text not null,
  -- sha256 over the hash of the account's previous transfer and everything above but the id, which a seal covers.
  hash bytea not null check (length(hash) = 32),
  constraint transfers_move check (source <> target),
  constraint transfers_entry_of_account check ((account is null) = (entry is null)),
  constraint transfers_chain unique (account, entry)
);
-- What a person owes is summed at every top-up.
create index transfers_debts on transfers (account) where kind in ('debt', 'debt_paid');
create index transfers_cid on transfers (cid);

-- A block over the transfers after the previous seal, up to and including "upto".
create table seals (
  number bigint primary key,
  upto bigint not null,
  transfers bigint not null check (transfers > 0),
  at bigint not null,
  hash bytea not null check (length(hash) = 32)
);

-- Once a day: what the shop's accounts sum to over all transfers up to the seal.
create table shop_checkpoints (
  seal bigint not null references seals,
  unit text not null,
  account text not null,
  total bigint not null,
  primary key (seal, unit, account)
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% of "%" refused: %', lower(tg_op), tg_table_name, tg_argv[0]
    using errcode = 'restrict_violation', hint = 'Correct a mistake by a new transfer.';
end
$$;

create trigger transfers_stay before update or delete on transfers
  for each row execute function refuse_change('the journal is only ever added to');
create trigger transfers_stay_all before truncate on transfers
  for each statement execute function refuse_change('the journal is only ever added to');
create trigger seals_stay before update or delete on seals
  for each row execute function refuse_change('a seal is only ever added');
create trigger seals_stay_all before truncate on seals
  for each statement execute function refuse_change('a seal is only ever added');
create trigger shop_checkpoints_stay before update or delete on shop_checkpoints
  for each row execute function refuse_change('a checkpoint is only ever added');
create trigger shop_checkpoints_stay_all before truncate on shop_checkpoints
  for each statement execute function refuse_change('a checkpoint is only ever added');
create trigger accounts_stay before delete on accounts
  for each row execute function refuse_change('an account stays, with its history');
create trigger accounts_stay_all before truncate on accounts
  for each statement execute function refuse_change('an account stays, with its history');
create trigger accounts_move_with_the_journal before update on accounts
  for each row
  when (
    new.entries <> old.entries + 1 or new.head = old.head or new.balance = old.balance
    or new.id <> old.id or new.person <> old.person or new.unit <> old.unit or new.day <> old.day
  )
  execute function refuse_change('a balance moves only together with one transfer');

create table top_ups (
  id text primary key,
  bot bigint not null,
  person bigint not null,
  amount_kopecks bigint not null check (amount_kopecks > 0),
  stars bigint not null check (stars > 0),
  made_at bigint not null,
  state text not null check (state in ('open', 'paid', 'closed')),
  charge text,
  message bigint,
  constraint top_ups_charge_once unique (bot, charge),
  constraint top_ups_paid_with_charge check ((state = 'paid') = (charge is not null))
);

-- Every payment in Stars that was credited, also those whose invoice nobody knows: what there is to compare with
-- Telegram's own list.
create table star_payments (
  bot bigint not null,
  charge text not null,
  person bigint not null,
  stars bigint not null check (stars > 0),
  amount_kopecks bigint not null,
  top_up text,
  at bigint not null,
  primary key (bot, charge)
);
create trigger star_payments_stay before update or delete on star_payments
  for each row execute function refuse_change('what Telegram said was paid stays');
create trigger star_payments_stay_all before truncate on star_payments
  for each statement execute function refuse_change('what Telegram said was paid stays');
