-- oldest program: 1
-- What the leader of an epoch has got done, so that anybody can tell a leader that works from one that only holds the
-- lock. A row belongs to the epoch it names; of an older one than `leadership.epoch` it says nothing about today.
create table leader_deeds (
  deed text primary key check (deed in ('webhook_set', 'webhook_verified', 'duties_started')),
  epoch bigint not null,
  at bigint not null
);
