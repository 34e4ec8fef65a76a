import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { patience } from '../fixtures/patience.ts'
import type { World } from '../fixtures/service.ts'
import type { Time } from './time.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/**
 * Long enough for every pause, deadline and gift, also of an order that a clock a week ahead has dated, in steps so that
 * one thing can follow from another.
 */
const stepsMs = [
  5_000,
  minuteMs,
  5 * minuteMs,
  20 * minuteMs,
  hourMs,
  hourMs,
  6 * hourMs,
  6 * hourMs,
  26 * hourMs,
  26 * hourMs,
  7 * 24 * hourMs,
]

/**
 * The quiet ending: time passes step by step until nothing is in hand any more. Fails with what is still in hand when
 * even the last step has changed nothing.
 */
export async function untilCalm(world: World, db: pg.Client, time: Time): Promise<void> {
  if (await isCalm(world, db, time)) return
  for (const [n, ms] of stepsMs.entries()) {
    await time.passes(ms)
    // What a leader does now and then it also does first.
    if (n === 4) await world.restartService()
    if (await isCalm(world, db, time)) return
  }
  throw new Error(
    `still in hand: ${await inHand(world, db, time)}\n${JSON.stringify(await jobsOf(world, db), null, 1)}`,
  )
}

/** Nothing that is due is left undone; whether nothing waits for later either. */
async function isCalm(world: World, db: pg.Client, time: Time): Promise<boolean> {
  const deadline = performance.now() + patience(2_000)
  for (;;) {
    const { due, later } = await counts(world, db, time)
    if (due === 0) return later === 0
    if (performance.now() > deadline) return false
    await pause(20)
  }
}

/** A task that was never confirmed may yet be a gift, so it is watched for days. */
const isGiftWatch = `(payload->'errand'->>'kind' = 'watch_task' and payload->'errand'->>'order' in
  (select id from orders where status = 'released' and body->'order'->>'reason' = 'never_confirmed'))`
const open = `('placed', 'submitting', 'uncertain', 'generating', 'delivering')`

async function counts(
  { schema, controls, service }: World,
  db: pg.Client,
  time: Time,
): Promise<{ due: number; later: number }> {
  const COUNTS = `
    select (select count(*) from inbox where finished_at is null and shelved_at is null)::int as updates,
           (select count(*) from ${schema}_jobs._private_jobs where locked_at is not null or run_at <= now())::int as due,
           (select count(*) from ${schema}_jobs._private_jobs where not ${isGiftWatch})::int as jobs,
           (select count(*) from orders where status in ${open})::int as orders,
           (select count(*) from sessions where shown_revision < revision)::int as screens,
           (select count(*) from sessions where shown_revision < revision and show_at <= $1)::int as due_screens`
  const row: Record<string, number> = (await db.query(COUNTS, [time.now()])).rows[0]
  const sum = (...names: readonly string[]) => names.reduce((total, name) => total + (row[name] ?? 0), 0)
  const { length: pending } = await controls.updates('pending')
  return {
    due: sum('due', 'updates', 'due_screens') + (service().health().mode === 'active' ? 0 : 1),
    later: sum('jobs', 'orders', 'screens') + pending,
  }
}

async function inHand(world: World, db: pg.Client, time: Time): Promise<string> {
  const orders = await db.query(`select id, status, body from orders where status in ${open}`)
  const updates = await db.query('select update_id, kind, last_error, attempts from inbox where finished_at is null')
  const screens = await db.query(
    'select chat, revision, shown_revision, show_at, show_tries from sessions where shown_revision < revision',
  )
  return JSON.stringify({
    ...(await counts(world, db, time)),
    orders: orders.rows,
    updates: updates.rows,
    screens: screens.rows,
    pending: await world.controls.updates('pending'),
  })
}

const jobsOf = async ({ schema }: World, db: pg.Client) =>
  (await db.query(`select run_at, now(), attempts, locked_by, last_error, payload from ${schema}_jobs._private_jobs`))
    .rows
