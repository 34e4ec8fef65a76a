-- oldest program: 1
-- Jobs of the queue: who holds them, and those that were given up.

-- The queue (graphile-worker) locks a job in the name of a pool. Each start of the engine writes its pool down here
-- before it takes the first job, so that the jobs of an instance that is gone can be unlocked.
create table job_pools (
  pool text primary key,
  instance text not null,
  started_at timestamptz not null default clock_timestamp()
);

-- The pools of programs that wrote them elsewhere, and the name under which their steps took jobs.
insert into job_pools (pool, instance, started_at)
  select pool, instance, started_at from instances where pool is not null
  union all
  select 'hands-' || instance, instance, started_at from instances;

-- Jobs that a process had when it died. Each is executed alone, so that one that ends the process is known; a row says how
-- often it has been, and stands while it is executed.
create table suspect_jobs (
  id bigint primary key,
  executions integer not null
);

-- Jobs that failed for the last time. They stay until a person retries or drops them.
create table shelved_jobs (
  -- The number that the job had in the queue.
  id bigint primary key,
  kind text not null,
  -- As it was in the queue, also when this program cannot read it.
  payload jsonb not null,
  cid text not null,
  reason text not null,
  attempts integer not null,
  shelved_at timestamptz not null default clock_timestamp()
);
