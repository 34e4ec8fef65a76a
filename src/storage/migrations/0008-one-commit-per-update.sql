-- oldest program: 1
-- An update and what follows from it are written by one commit; a screen that was saved and not shown is a state.

-- How often the instance that had the item in hand ended before the item did. Such an item is handled alone, so that
-- one that ends the process takes no other along.
alter table inbox add column interrupted integer not null default 0;
create index inbox_interrupted on inbox (id)
  where finished_at is null and shelved_at is null and interrupted > 0;
-- What is old is found by its number; an index that every update writes was too dear for that.
drop index inbox_finished;
-- The oldest waiting items, whatever their lane. Its condition is written in another way than that of `inbox_waiting`, so
-- that each statement can use one of the two only: when the statistics know of nothing that waits, the planner takes
-- reading a whole index for cheaper than looking up one lane.
create index inbox_waiting_by_age on inbox (id) where coalesce(finished_at, shelved_at) is null;

-- Instances that ended without saying so. For some minutes after such an end, updates are stored before they are handled.
create table instance_deaths (
  instance text not null,
  at timestamptz not null default clock_timestamp()
);

-- When the newest drawing is to be shown (again), unless Telegram has taken it by then; null when nothing is to be shown.
alter table sessions add column show_at bigint;
-- How often showing this revision has failed.
alter table sessions add column show_tries integer not null default 0;
create index sessions_not_shown on sessions (show_at) where shown_revision < revision;

-- Drawings that the former program left to its queue of jobs.
update sessions set show_at = 0 where shown_revision < revision and view is not null;
do $$
begin
  if to_regclass(current_schema() || '_jobs.jobs') is not null then
    execute format(
      'select %1$I.complete_jobs(array(select id from %1$I.jobs where task_identifier = %2$L and locked_at is null))',
      current_schema() || '_jobs', 'show_screen');
  end if;
end
$$;
