import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CannotStore } from '../../src/inbox/inbox.ts'
import { createClock } from '../../src/kit/clock.ts'
import { instanceId } from '../../src/kit/ids.ts'
import { openDatabase } from '../../src/storage/postgres/database.ts'
import { createPostgresInbox, pruneInbox } from '../../src/storage/postgres/inbox.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { inboxContract, newLane, now, update } from './inbox-contract.ts'

const storage = await openStorage()
const clock = createClock()
const { inbox, claims, store, permit } = storage

inboxContract('PostgreSQL', {
  inbox,
  claims,
  step: (work) => store.transact(permit, ({ inbox: step }) => work(step)),
  prune: (before) => pruneInbox(storage.database.work, before),
  kept: async (lane) => {
    const [row] = await storage.rows<{ n: number }>('select count(*) as n from inbox where lane = $1', [lane])
    return row?.n ?? 0
  },
})

describe('the inbox on PostgreSQL', () => {
  it('has counted the attempt when the process dies right after the claim', async () => {
    await storage.rows('truncate inbox')
    await inbox.store(update(newLane()))
    const [first] = await claims.claim({ max: 1, busy: [], now })
    assert.equal(first?.attempts, 1)
    assert.ok((await storage.cut()) > 0)
    const [second] = await claims.claim({ max: 1, busy: [], now })
    assert.equal(second?.attempts, 2)
  })

  it('makes one commit of what arrives while another is on its way', async () => {
    const lane = newLane()
    const before = storage.rings()
    await Promise.all(Array.from({ length: 200 }, () => inbox.store(update(lane))))
    assert.equal(storage.rings() - before, 2)
  })

  it('rings for what is new and not for what is known', async () => {
    const known = update(newLane())
    await inbox.store(known)
    const before = storage.rings()
    await inbox.store(known)
    assert.equal(storage.rings(), before)
  })

  it('tells whoever it rings for whether any of it waits', async () => {
    await storage.rows('truncate inbox')
    const told: boolean[] = []
    const telling = createPostgresInbox({
      pool: storage.database.intake,
      onStored: (isAnyWaiting) => told.push(isAnyWaiting),
      claimAs: instanceId('anna'),
    })
    const lane = newLane()
    await telling.store(update(lane), { claim: true })
    await telling.store(update(lane), { claim: true })
    await telling.store(update(newLane()))
    assert.deepEqual(told, [false, true, true])
  })

  it('takes what instances that share the work store into the same lanes at once, in whichever order it came', async () => {
    const { telemetry } = createTelling(clock)
    const database = openDatabase({ url: storage.url, schema: storage.schema, maxConn: 8, clock, telemetry })
    const inboxes = [storage.database.intake, database.intake].map((pool, n) =>
      createPostgresInbox({ pool, onStored: () => {}, claimAs: instanceId(`instance${n}`) }),
    )
    try {
      for (let round = 0; round < 6; round++) {
        const lanes = Array.from({ length: 150 }, newLane)
        const stores = inboxes.flatMap((each, n) =>
          (n === 0 ? lanes : lanes.toReversed()).map((lane) => each.store(update(lane), { claim: true })),
        )
        const refused = (await Promise.allSettled(stores)).filter(({ status }) => status === 'rejected')
        assert.deepEqual(refused, [])
      }
    } finally {
      await database.end()
    }
  })

  it('refuses everybody who waits when the database cuts the connection, and stores what comes after', async () => {
    const lane = newLane()
    const blocker = await storage.database.connect('blocker')
    await blocker.query('begin; lock table inbox in access exclusive mode')
    const caught = Array.from({ length: 300 }, () => inbox.store(update(lane)).then(String, (error: unknown) => error))
    while ((await storage.cut(/insert into inbox/)) === 0);
    await blocker.query('rollback')
    for (const answer of await Promise.all(caught)) assert.ok(answer instanceof CannotStore, String(answer))
    await blocker.end()
    assert.equal(await inbox.store(update(lane)), 'stored')
  })

  it('gives up within its limit when the table is locked, for the one who waits and for those behind', async () => {
    const blocker = await storage.database.connect('blocker')
    await blocker.query('begin; lock table inbox in access exclusive mode')
    const started = performance.now()
    const both = [inbox.store(update(newLane())), inbox.store(update(newLane()))]
    for (const each of both) await assert.rejects(each, CannotStore)
    assert.ok(performance.now() - started < onThisMachine(2_500))
    await blocker.query('rollback')
    await blocker.end()
  })

  it('reads as many rows as lanes wait, however many items a lane has', async () => {
    await storage.rows('truncate inbox')
    const [crowd, other] = [newLane(), newLane()]
    const fill = `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, not_before)
      select 1, 5000000 + n, $1, 'message', 'abcd1234', '{}', $2, case when n = 1 then $2::bigint + 1000 end
        from generate_series(1, 10000) n`
    await storage.rows(fill, [crowd, now])
    await storage.rows(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, finished_at)
       select 1, 6000000 + n, 'p:7', 'message', 'abcd1234', '{}', $1, $1 from generate_series(1, 10000) n`,
      [now],
    )
    await storage.rows('analyze inbox')
    await inbox.store(update(other))
    const rowsRead = await readBy(async () => {
      const items = await claims.claim({ max: 10, busy: [], now })
      assert.deepEqual(
        items.map(({ lane }) => lane),
        [other],
      )
      assert.equal(await claims.nextDueAt(now), now + 1000)
    })
    assert.ok(rowsRead < 50, `${rowsRead} rows were read to claim one item`)
  })
})

/** Rows that this schema's inbox gave to whoever read it meanwhile, by scans of the table and of its indexes. */
async function readBy(work: () => Promise<void>): Promise<number> {
  const count = async () => {
    // A session reports what it did when it ends; then a new one may look.
    await storage.cut()
    const [row] = await storage.rows<{ read: number }>(
      `select pg_stat_force_next_flush(), seq_tup_read + coalesce(idx_tup_fetch, 0) as read
         from pg_stat_user_tables where schemaname = $1 and relname = 'inbox'`,
      [storage.schema],
    )
    return row?.read ?? 0
  }
  await storage.rows('select pg_stat_clear_snapshot()')
  const before = await count()
  await work()
  await storage.rows('select pg_stat_clear_snapshot()')
  return (await count()) - before
}
