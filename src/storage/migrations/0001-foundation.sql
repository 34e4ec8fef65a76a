-- oldest program: 1
-- Everything but the money. All times are milliseconds since 1970; every stored JSON has a "version".

-- Which world this schema belongs to, and which bot. One row.
create table world (
  the_only boolean primary key default true check (the_only),
  kind text not null check (kind in ('sandbox', 'live')),
  bot bigint not null,
  version integer not null default 1
);

-- Made once at random, when the settings do not give them.
create table secrets (
  name text primary key,
  value text not null
);

-- Settings that the environment seeds and an operator changes later; the newest version rules.
create table shop_settings (
  version integer primary key,
  body jsonb not null,
  made_at bigint not null
);

create table people (
  id bigint primary key,
  language text not null check (language in ('ru', 'en')),
  language_chosen boolean not null,
  first_name text not null,
  username text,
  first_seen_at bigint not null,
  blocked_bot_at bigint,
  banned_at bigint
);

-- What Telegram sent. A row is committed before the update is acknowledged.
create table inbox (
  id bigint generated always as identity primary key,
  bot bigint not null,
  update_id bigint not null,
  lane text not null,
  kind text not null,
  cid text not null,
  body text not null,
  received_at bigint not null,
  attempts integer not null default 0,
  not_before bigint,
  last_error text,
  finished_at bigint,
  shelved_at bigint,
  unique (bot, update_id)
);
create index inbox_waiting on inbox (lane, id) where finished_at is null and shelved_at is null;
create index inbox_finished on inbox (finished_at) where finished_at is not null;
create index inbox_cid on inbox (cid);

-- One conversation per private chat. `thread` counts the messages that screens were drawn into: what Telegram
-- answers belongs to the thread it was sent for.
create table sessions (
  chat bigint primary key,
  person bigint not null,
  revision integer not null,
  body jsonb not null,
  view jsonb,
  cid text not null,
  thread integer not null default 1,
  message bigint,
  shown_revision integer not null default 0,
  updated_at bigint not null
);

create table orders (
  id text primary key,
  person bigint not null,
  status text not null,
  offer text not null,
  task text,
  quote text not null unique,
  cid text not null,
  body jsonb not null,
  placed_at bigint not null,
  updated_at bigint not null,
  -- From placing to the last artifact, once it was made.
  took_ms bigint
);
create index orders_of_person on orders (person, placed_at desc);
create index orders_running on orders (person)
  where status in ('placed', 'submitting', 'uncertain', 'generating', 'delivering');
create index orders_by_task on orders (task) where task is not null;
create index orders_durations on orders (offer, updated_at desc) where took_ms is not null;
create index orders_cid on orders (cid);

-- The submits to KIE of the last moments, account-wide.
create table kie_submits (
  order_id text not null,
  at bigint not null
);
create index kie_submits_at on kie_submits (at);

-- Until when nothing is sent to a chat ("chat:42") or to anybody ("everybody"), because Telegram said so.
create table waits (
  scope text primary key,
  until bigint not null
);

-- Who leads. One row; the epoch rises with every acquisition and is what the fence compares.
create table leadership (
  the_only boolean primary key default true check (the_only),
  epoch bigint not null default 0,
  holder text,
  host text,
  pid integer,
  backend_pid integer,
  backend_start timestamptz,
  acquired_at timestamptz,
  renewed_at timestamptz
);
insert into leadership default values;
