-- oldest program: 1
-- What operators were told of and what has not passed yet, so that neither a restart nor a takeover tells it again.
create table operator_causes (
  key text primary key,
  says text not null,
  -- How often, or how much of it, was told already.
  size integer not null,
  since bigint not null,
  told_at bigint not null
);

-- The path and the secret token of webhooks that Telegram was given, hashed. After a change Telegram still sends what
-- it had under way to the former ones, and an instance of before the change still runs.
create table webhook_keys (
  path_hash text not null,
  token_hash text not null,
  last_used_at bigint not null,
  primary key (path_hash, token_hash)
);

-- A leader that goes in order says so; the next one can tell a handover from a death.
alter table leader_deeds drop constraint leader_deeds_deed_check;
alter table leader_deeds add check (deed in ('webhook_set', 'webhook_verified', 'duties_started', 'released'));
