import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { KeptSession } from '../../src/dispatch/sessions.ts'
import { FenceLost, StorageFault } from '../../src/faults.ts'
import { type ArrivalStep, CannotStore, type Received } from '../../src/inbox/inbox.ts'
import { createClock } from '../../src/kit/clock.ts'
import { chatId, instanceId, type Lane, laneOfPerson, newCid, personId } from '../../src/kit/ids.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import type { WorkerPermit } from '../../src/permit.ts'
import { createArrivalReads } from '../../src/storage/postgres/arrival-reads.ts'
import { openDatabase } from '../../src/storage/postgres/database.ts'
import { createPostgresInbox } from '../../src/storage/postgres/inbox.ts'
import { createPostgresClaims } from '../../src/storage/postgres/inbox-claims.ts'
import { pruneInbox } from '../../src/storage/postgres/inbox-step.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { inboxContract, newLane, now, update } from './inbox-contract.ts'

const storage = await openStorage()
const clock = createClock()
const { inbox, claims, store, permit, worker, schema } = storage
const empty = () => storage.rows('truncate inbox')

inboxContract('PostgreSQL', {
  inbox,
  claims,
  worker,
  step: (work) => store.transact(permit, ({ inbox: step }) => work(step)),
  prune: (before) => pruneInbox(storage.database.work, before),
  kept: async (lane) => {
    const [row] = await storage.rows<{ n: number }>('select count(*) as n from inbox where lane = $1', [lane])
    return row?.n ?? 0
  },
})

const CUT_WHO_WAITS = `
  select pg_terminate_backend(pid) from pg_stat_activity where application_name like $1 and wait_event_type = 'Lock'`

describe('the inbox on PostgreSQL', () => {
  it('gives an item again that was claimed right before the connection was cut: no attempt counts', async () => {
    await empty()
    await inbox.store(update(newLane()))
    const [first] = (await claims.claim(worker, { max: 1, busy: [], now })).items
    assert.ok(first)
    assert.ok((await storage.cut()) > 0)
    const [second] = (await claims.claim(worker, { max: 1, busy: [], now })).items
    assert.deepEqual({ ...second, body: '' }, { ...first, body: '' })
  })

  it('blames the world when the connection is cut while an item is released', async () => {
    await empty()
    await inbox.store(update(newLane()))
    const [item] = (await claims.claim(worker, { max: 1, busy: [], now })).items
    assert.ok(item)
    await storage.rows('begin')
    await storage.rows('select from inbox for update')
    const released = assert.rejects(claims.release(item, { until: now, error: 'a step failed' }), StorageFault)
    await until(async () => {
      await storage.rows('select pg_stat_clear_snapshot()')
      return (await storage.rows(CUT_WHO_WAITS, [`trt ${storage.schema}%`])).length === 1
    }, 'it waits for the row, and is cut')
    await released
    await storage.rows('rollback')
  })

  it('makes one commit of what arrives while another is on its way', async () => {
    const lane = newLane()
    const before = storage.notifications()
    const first = inbox.store(update(lane))
    await turn()
    await Promise.all([first, ...Array.from({ length: 200 }, () => inbox.store(update(lane)))])
    assert.equal(storage.notifications() - before, 2)
  })

  it('notifies of what waits, and neither of what is known nor of what this instance has claimed', async () => {
    await empty()
    const counts: number[] = []
    const stores = async (received: Received, wish: 'wait' | 'claim' | 'finish') => {
      const before = storage.notifications()
      await inbox.store(received, wish)
      counts.push(storage.notifications() - before)
    }
    const known = update(newLane())
    await stores(known, 'wait')
    await stores(known, 'wait')
    const lane = newLane()
    await stores(update(lane), 'claim')
    await stores(update(lane), 'claim')
    await stores(update(newLane()), 'finish')
    assert.deepEqual(counts, [1, 0, 0, 1, 0])
  })

  it('takes what instances that share the work store into the same lanes at once, in whichever order it came', async () => {
    const { telemetry } = createTelling(clock)
    const database = openDatabase({ url: storage.url, schema: storage.schema, maxConn: 8, clock, telemetry })
    const inboxes = [storage.database.intake, database.intake].map((pool, n) =>
      createPostgresInbox({ pool, schema, instance: instanceId(`instance${n}`), onStored: () => {}, clock }),
    )
    try {
      for (let round = 0; round < 6; round++) {
        const lanes = Array.from({ length: 150 }, newLane)
        const stores = inboxes.flatMap((each, n) =>
          (n === 0 ? lanes : lanes.toReversed()).map((lane) => each.store(update(lane), 'claim')),
        )
        const refused = (await Promise.allSettled(stores)).filter(({ status }) => status === 'rejected')
        assert.deepEqual(refused, [])
      }
    } finally {
      await database.end()
    }
  })

  it('refuses everything that waits when the database cuts the connection, and stores what comes after', async () => {
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

  it('gives up within its limit when the table is locked, for what waits and for what is behind it', async () => {
    const blocker = await storage.database.connect('blocker')
    await blocker.query('begin; lock table inbox in access exclusive mode')
    const started = performance.now()
    const both = [inbox.store(update(newLane())), inbox.store(update(newLane()))]
    for (const each of both) await assert.rejects(each, CannotStore)
    assert.ok(performance.now() - started < onThisMachine(2_500))
    await blocker.query('rollback')
    await blocker.end()
  })

  it('reads no more than the oldest items and one of each lane, however many items a lane has', async () => {
    await empty()
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
      const { items } = await claims.claim(worker, { max: 10, busy: [], now })
      assert.deepEqual(
        items.map(({ lane }) => lane),
        [other],
      )
      assert.equal(await claims.nextDueAt(now), now + 1000)
    })
    assert.ok(rowsRead < 600, `${rowsRead} rows were read to claim one item`)
  })
})

describe('claims behind a lane that stands still with more than a claim looks at', () => {
  it('walk from lane to lane, and begin anew when they have come to the last one', async () => {
    await empty()
    await storage.rows(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, not_before)
       select 1, 7000000 + n, 'p:1', 'message', 'abcd1234', '{}', $1::bigint, case when n = 1 then $1::bigint + 1000 end
         from generate_series(1, 300) n`,
      [now],
    )
    const lanes = Array.from({ length: 6 }, newLane)
    const store = async (...some: Lane[]) => {
      for (const lane of some) await inbox.store(update(lane))
    }
    const claim = async () => {
      const { items } = await claims.claim(worker, { max: 3, busy: [], now })
      for (const { id } of items) await storage.rows('update inbox set finished_at = 1 where id = $1', [id])
      return items.map(({ lane }) => lane)
    }
    await store(...lanes)
    assert.deepEqual([await claim(), await claim()], [lanes.slice(0, 3), lanes.slice(3)])
    await store(...lanes.slice(0, 2))
    assert.deepEqual(await claim(), lanes.slice(0, 2))
  })
})

/** Nothing waits as far as the planner knows, and then 20,000 updates of 5,000 lanes do. */
async function fillBehindThePlanner(): Promise<void> {
  await empty()
  await storage.rows(
    `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, finished_at)
     select 1, 6000000 + n, 'p:' || 8000000 + n % 5000, 'message', 'abcd1234', '{}', $1, $1 from generate_series(1, 20000) n`,
    [now],
  )
  await storage.rows('vacuum analyze inbox')
  await storage.rows(
    `insert into inbox (bot, update_id, lane, kind, cid, body, received_at)
     select 1, 7000000 + n, 'p:' || 8000000 + n % 5000, 'message', 'abcd1234', '{}', $1 from generate_series(1, 20000) n`,
    [now],
  )
}

describe('the cost of an update does not follow what waits, also when the statistics know of nothing that waits:', () => {
  it('of storing and claiming one', async () => {
    await fillBehindThePlanner()
    const read = await entriesRead(async () => {
      const stored = await inbox.store(update(newLane()), 'claim')
      assert.equal(typeof stored, 'object')
    })
    assert.ok(read < 50, `${read} entries were read to store one update`)
  })

  it('of the read on arrival', async () => {
    await fillBehindThePlanner()
    const reads = createArrivalReads({ pool: storage.database.work, bot: update(newLane()).bot, freeDaily: () => 5 })
    const read = await entriesRead(async () => {
      const { updateId, lane } = update(newLane())
      const seen = await reads({ updateId, lane, person: personId(1), chat: chatId(1), day: shopDay('2026-01-12') })
      assert.equal(seen.isAnyWaiting, false)
    })
    assert.ok(read < 50, `${read} entries were read for one arrival`)
  })

  it('of committing one that was handled on its arrival', async () => {
    await fillBehindThePlanner()
    const talk = await conversation()
    const read = await entriesRead(async () => assert.equal(await inbox.handle(talk.update(), talk.step()), 'handled'))
    assert.ok(read < 50, `${read} entries were read to commit one`)
  })

  it('of a claim', async () => {
    await fillBehindThePlanner()
    const read = await entriesRead(async () => {
      const { items } = await claims.claim(worker, { max: 32, busy: [], now })
      assert.equal(items.length, 32)
      assert.equal(await claims.nextDueAt(now), undefined)
    })
    assert.ok(read < 600, `${read} entries were read to claim 32 items`)
  })
})

describe('a claim under a long snapshot', () => {
  it('does not read again and again what waited since that snapshot and is finished', async () => {
    await empty()
    const steps = createTestClock()
    const { instance, database } = storage
    const claiming = createPostgresClaims({ pool: database.work, schema, instance, clock: steps })
    const snapshot = await database.connect('snapshot')
    try {
      await snapshot.query('begin isolation level repeatable read')
      await snapshot.query('select from inbox')
      await storage.rows(
        `insert into inbox (bot, update_id, lane, kind, cid, body, received_at)
         select 1, 7000000 + n, 'p:' || 8000000 + n, 'message', 'abcd1234', '{}', $1 from generate_series(1, 5000) n`,
        [now],
      )
      await storage.rows('update inbox set finished_at = $1', [now])
      await snapshot.query('select 1')
      const look = () =>
        entriesRead(async () => {
          const { items } = await claiming.claim(worker, { max: 32, busy: [], now })
          assert.deepEqual(items, [])
        })
      const first = await look()
      assert.ok(first >= 5_000, `the snapshot keeps nothing: ${first}`)
      await steps.advance(3_500)
      await look()
      const third = await look()
      assert.ok(third < 100, `${third} entries were read to claim nothing`)
      const late = update(newLane())
      await inbox.store(late)
      const { items } = await claiming.claim(worker, { max: 32, busy: [], now })
      assert.deepEqual(
        items.map(({ updateId }) => updateId),
        [late.updateId],
        'what is new is seen',
      )
    } finally {
      await snapshot.end()
    }
  })
})

describe('a claim whose permit is over', () => {
  const claimedRows = async () => (await storage.rows('select 1 from inbox where claimed_by is not null')).length
  async function refuses(claim: () => Promise<unknown>): Promise<void> {
    await empty()
    await inbox.store(update(newLane()))
    await storage.rows('update inbox set interrupted = 0')
    await assert.rejects(claim(), FenceLost)
    assert.equal(await claimedRows(), 0)
  }
  const claimWith = (right: WorkerPermit) => () => claims.claim(right, { max: 10, busy: [], now })

  it('writes no row: in a former incarnation, or after the instance was declared dead', async () => {
    await refuses(claimWith({ ...worker, incarnation: 2 }))
    await refuses(claimWith({ ...worker, instance: instanceId('never-announced') }))
    await refuses(() => claims.claimInterrupted({ ...worker, incarnation: 2 }, now))
  })

  it('writes no row when the instance works while it leads, and another one leads now', async () => {
    const leads = (holder: string) => storage.rows('update leadership set holder = $1, renewed_at = now()', [holder])
    await storage.rows(`update instances set work = 'exclusive'`)
    const before = await storage.rows<{ holder: string | null }>('select * from leadership')
    try {
      await leads('another')
      await refuses(claimWith(worker))
      await leads(worker.instance)
      await claimWith(worker)()
      assert.equal(await claimedRows(), 1, 'while it leads it may claim')
    } finally {
      await storage.rows('update leadership set holder = $1, renewed_at = null', [before[0]?.holder ?? null])
      await storage.rows(`update instances set work = 'shared'`)
    }
  })

  it('waits for an acquisition that is under way, and is judged after it; a commit of updates does not wait', async () => {
    const acquiring = await storage.database.connect('acquiring')
    let claimed: Promise<void> | undefined
    try {
      await acquiring.query('begin')
      await acquiring.query('select pg_advisory_xact_lock($1, $2)', [...lockKeys(schema, 'fence')])
      await acquiring.query('update instances set incarnation = incarnation + 1 where instance = $1', [worker.instance])
      claimed = refuses(claimWith(worker))
      const talk = await conversation()
      assert.equal(await inbox.handle(talk.update(), talk.step()), 'stored')
      await acquiring.query('commit')
      await claimed
    } finally {
      await acquiring.end()
      await storage.rows('update instances set incarnation = 1 where instance = $1', [worker.instance])
    }
  })
})

describe('an update that is handled on its arrival', () => {
  it('is finished in one commit with the conversation it leads to', async () => {
    await empty()
    const talk = await conversation()
    const received = talk.update()
    assert.equal(await inbox.handle(received, talk.step()), 'handled')
    assert.deepEqual(await talk.kept(), { revision: 4, place: 'balance', cid: received.cid, waits: 0 })
    const claimed = await claims.claim(worker, { max: 10, busy: [], now })
    assert.deepEqual(claimed, { items: [], isAnyWaiting: false, isAnyInterrupted: false })
    assert.equal(await inbox.handle(received, talk.step()), 'duplicate')
  })

  it('waits, and changes no conversation, when that has moved since it was read', async () => {
    const talk = await conversation()
    assert.equal(await inbox.handle(talk.update(), { ...talk.step(), readRevision: 2 }), 'stored')
    assert.deepEqual(await talk.kept(), talk.before)
  })

  it('waits, and nobody with it, when somebody else holds the conversation', async () => {
    const talk = await conversation()
    const other = await conversation()
    const holder = await storage.database.connect('holder')
    try {
      await holder.query('begin')
      await holder.query('select from sessions where chat = $1 for update', [talk.chat])
      const both = [inbox.handle(talk.update(), talk.step()), inbox.handle(other.update(), other.step())]
      assert.deepEqual(await Promise.all(both), ['stored', 'handled'])
    } finally {
      await holder.end()
    }
    assert.deepEqual(await talk.kept(), talk.before)
  })

  it('waits when its permit is over, which costs the others of its batch nothing', async () => {
    const talk = await conversation()
    const first = inbox.store(update(newLane()))
    const step = { ...talk.step(), permit: { ...worker, incarnation: 2 } }
    const batch = [inbox.handle(talk.update(), step), inbox.store(update(newLane())), inbox.store(update(newLane()))]
    assert.deepEqual(await Promise.all([first, ...batch]), ['stored', 'stored', 'stored', 'stored'])
    assert.equal(await inbox.handle(talk.update(), step), 'stored', 'also when it is alone')
    assert.deepEqual(await talk.kept(), { ...talk.before, waits: 2 })
  })

  it('shares its batch with one that cannot be stored, and only that one is refused', async () => {
    const [talk, other] = [await conversation(), await conversation()]
    const good = [inbox.handle(talk.update(), talk.step()), inbox.store(update(newLane()))]
    const bad = [
      inbox.store(update(newLane(), { body: 'a NUL \u0000' })),
      inbox.handle({ ...other.update(), kind: 'mess\u0000age' }, other.step()),
    ]
    for (const each of bad) await assert.rejects(each, CannotStore)
    assert.deepEqual(await Promise.all(good), ['handled', 'stored'])
    assert.equal((await talk.kept()).revision, 4)
    assert.deepEqual(await other.kept(), { ...other.before, waits: 0 })
  })

  it('has one effect when it comes twice at once, in one batch or in two', async () => {
    const talk = await conversation()
    const received = talk.update()
    const twice = () => [received, { ...received, cid: newCid() }].map((each) => inbox.handle(each, talk.step()))
    const ends = await Promise.all([...twice(), ...twice()])
    assert.deepEqual(ends, ['handled', 'duplicate', 'duplicate', 'duplicate'])
    assert.deepEqual(await talk.kept(), { revision: 4, place: 'balance', cid: received.cid, waits: 0 })

    const other = await conversation()
    const database = openDatabase({
      url: storage.url,
      schema,
      maxConn: 8,
      clock,
      telemetry: createTelling(clock).telemetry,
    })
    const beside = createPostgresInbox({
      pool: database.intake,
      schema,
      instance: storage.instance,
      onStored: () => {},
      clock,
    })
    try {
      const again = other.update()
      const both = await Promise.all([inbox, beside].map((each) => each.handle(again, other.step())))
      assert.deepEqual(both.toSorted(), ['duplicate', 'handled'])
      assert.equal((await other.kept()).revision, 4)
    } finally {
      await database.end()
    }
  })

  it('forgets neither the message of its thread nor what was shown meanwhile', async () => {
    const talk = await conversation()
    await storage.rows('update sessions set message = 77, shown_revision = 3 where chat = $1', [talk.chat])
    const { kept, ...step } = talk.step()
    const view = { screen: 'balance', text: ['12 ₽'], keyboard: [] } as const
    assert.equal(await inbox.handle(talk.update(), { ...step, kept: { ...kept, view } }), 'handled')
    assert.deepEqual(await talk.screen(), { message: 77, shown_revision: 3, later: true })
  })

  it('has nothing to show when it draws nothing, and what was drawn before it was shown meanwhile', async () => {
    const talk = await conversation()
    await storage.rows('update sessions set message = 77, shown_revision = 3 where chat = $1', [talk.chat])
    assert.equal(await inbox.handle(talk.update(), talk.step()), 'handled')
    assert.deepEqual(await talk.screen(), { message: 77, shown_revision: 4, later: true })
  })
})

let people = 500_000
/** A conversation at revision 3, and a step that leads it to revision 4. */
async function conversation() {
  const id = ++people
  const chat = chatId(id)
  const lane = laneOfPerson(personId(id))
  await storage.rows(
    `insert into sessions (chat, person, revision, body, cid, thread, shown_revision, updated_at)
     values ($1, $1, 3, $2, 'before12', 1, 2, 1)`,
    [id, { version: 1, person: id, chat: id, revision: 3, place: { at: 'home' } }],
  )
  const kept: KeptSession = {
    session: { version: 1, person: personId(id), chat, revision: 4, place: { at: 'balance' } },
    view: undefined,
    cid: newCid(),
    thread: 1,
    message: undefined,
    shownRevision: 2,
  }
  return {
    chat,
    before: { revision: 3, place: 'home', cid: 'before12', waits: 1 },
    update: () => update(lane),
    step: (): ArrivalStep => ({ permit: worker, readRevision: 3, kept }),
    async screen() {
      const [row] = await storage.rows(
        'select message, shown_revision, show_at > $2 as later from sessions where chat = $1',
        [chat, now],
      )
      return row
    },
    async kept() {
      const [row] = await storage.rows<{ revision: number; place: string; cid: string; waits: number }>(
        `select revision, body->'place'->>'at' as place, cid,
                (select count(*) from inbox where lane = $2 and finished_at is null)::int as waits
           from sessions where chat = $1`,
        [id, lane],
      )
      assert.ok(row)
      return row
    },
  }
}

const counted = async (what: string, from: string): Promise<number> => {
  // A session reports what it read when it ends.
  await storage.cut(/^(?!select 1$)/)
  const left = `select 1 from pg_stat_activity
    where application_name like $1 and query <> 'select 1' and pid <> pg_backend_pid()`
  await until(async () => (await storage.rows(left, [`trt ${schema}%`])).length === 0, 'the sessions have ended')
  await storage.rows('select pg_stat_clear_snapshot()')
  const [row] = await storage.rows<{ read: number }>(
    `select pg_stat_force_next_flush(), ${what} as read from ${from}
      where schemaname = $1 and relname = 'inbox'`,
    [storage.schema],
  )
  return row?.read ?? 0
}
async function difference(count: () => Promise<number>, work: () => Promise<void>): Promise<number> {
  const before = await count()
  await work()
  return (await count()) - before
}
/** Rows of the inbox that were read meanwhile, by scans of the table and of its indexes. */
const readBy = (work: () => Promise<void>) =>
  difference(() => counted('seq_tup_read + coalesce(idx_tup_fetch, 0)', 'pg_stat_user_tables'), work)
/** Entries of the inbox's indexes, and rows of its table, that were read meanwhile. */
const entriesRead = (work: () => Promise<void>) =>
  difference(
    async () =>
      (await counted('sum(idx_tup_read)::bigint', 'pg_stat_user_indexes')) +
      (await counted('seq_tup_read', 'pg_stat_user_tables')),
    work,
  )
