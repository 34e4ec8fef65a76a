-- oldest program: 1
-- Instances that run beside one another.

-- Every instance that is alive says so here about once a second. One that missed its beats is declared dead by the
-- leader, behind the fence: its row goes, and with it its right to write.
create table instances (
  instance text primary key,
  -- Rises each time the instance has to announce itself anew; a right to write names it.
  incarnation integer not null,
  host text not null,
  pid integer not null,
  work text not null check (work in ('exclusive', 'shared')),
  role text not null,
  -- Under this name the errand engine of the instance holds what it has in hand.
  pool text,
  started_at timestamptz not null default clock_timestamp(),
  beat_at timestamptz not null default clock_timestamp()
);

-- Where work is shared: the instance that handles the item. One item of a lane at a time, whoever claims.
alter table inbox add column claimed_by text;
create unique index inbox_claimed on inbox (lane)
  where claimed_by is not null and finished_at is null and shelved_at is null;

-- Which authority gave the leadership; empty: PostgreSQL.
alter table leadership add column backend text check (backend in ('postgres', 'redis'));
