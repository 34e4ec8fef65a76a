import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Errand } from '../../src/errands/errand.ts'
import type { Job } from '../../src/errands/errand-engine.ts'
import { createClock } from '../../src/kit/clock.ts'
import { botId, chatId, cid, newOrderId } from '../../src/kit/ids.ts'
import { createErrandHandOver } from '../../src/storage/postgres/errand-hand-over.ts'
import { createPostgresStore } from '../../src/storage/postgres/store.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** What a person waits for goes from the step straight into the hands of the instance, and is lost as little as anything. */
const storage = await openStorage()
const { database, schema, permit } = storage
const jobs = `${schema}_jobs._private_jobs`
const clock = createClock()
const { telemetry } = createTelling(clock)
const handOver = createErrandHandOver({ pool: database.work, schema, hands: 'our-hands', clock, telemetry })
const store = createPostgresStore({ database, bot: botId(1), freeDaily: () => 5, handOver })
const story = cid('abc123ff')

const say = (chat: number): Errand => ({
  kind: 'say',
  chat: chatId(chat),
  view: { screen: 'help', text: ['hello'], keyboard: [] },
})
const write = (errands: readonly Errand[], more: () => Promise<void> = async () => {}) =>
  store.transact(permit, async (tx) => {
    await tx.errands.add(errands.map((errand) => ({ errand, cid: story })))
    await more()
  })
const rows = () =>
  storage.rows<{ locked_by: string | null; attempts: number; last_error: string | null; kind: string }>(
    `select locked_by, attempts, last_error, payload->'errand'->>'kind' as kind from ${jobs} order by id`,
  )

describe('an errand that a person waits for', () => {
  const seen: Job[] = []
  const open = (run: (job: Job) => Promise<void> = async () => {}) =>
    handOver.open(async (job) => {
      seen.push(job)
      await run(job)
    })
  const doors: (() => void)[] = []
  /** Whoever waits at it goes on when the test says so, or is over. */
  function openLater() {
    const door = Promise.withResolvers<void>()
    doors.push(door.resolve)
    return door
  }
  beforeEach(() => storage.rows(`truncate ${jobs}`))
  afterEach(async () => {
    for (const resolve of doors.splice(0)) resolve()
    await handOver.close()
    seen.length = 0
  })

  it('can be taken from the first step on, before any engine runs: migrating makes every kind known', async () => {
    const known = await storage.rows<{ identifier: string }>(`select identifier from ${schema}_jobs._private_tasks`)
    assert.deepEqual(known.map(({ identifier }) => identifier).sort(), [...storage.kinds].sort())
  })

  it('is carried out as soon as its step is committed, and is gone then', async () => {
    let isCommitted = false
    handOver.open(async (job) => {
      assert.ok(isCommitted, 'it was carried out inside the step')
      seen.push(job)
    })
    await write([say(1), { kind: 'answer_tap', tap: 't' }], async () => {
      await new Promise((resolve) => setImmediate(resolve))
      isCommitted = true
    })
    await until(async () => seen.length === 2 && (await rows()).length === 0, 'both are settled')
    assert.deepEqual(
      seen.map(({ cid: told, attempt }) => [told, attempt]),
      [
        [story, 1],
        [story, 1],
      ],
    )
  })

  it('of a step that was rolled back is never carried out, and keeps no chat', async () => {
    open()
    await assert.rejects(
      write([say(1)], () => Promise.reject(new Error('and yet'))),
      /and yet/,
    )
    await write([say(1)])
    await until(async () => seen.length === 1 && (await rows()).length === 0, 'the next one is settled')
  })

  it('is in known hands while it is carried out, so that the next leader can free it', async () => {
    const door = openLater()
    open(() => door.promise)
    await write([say(1)])
    await until(() => seen.length === 1, 'it is in hand')
    assert.deepEqual(
      (await rows()).map(({ locked_by: by, attempts }) => [by, attempts]),
      [['our-hands', 1]],
    )
    assert.deepEqual(await storage.engine.holders(), ['our-hands'])
    await storage.engine.unlock(['our-hands'])
    assert.deepEqual(
      (await rows()).map(({ locked_by: by }) => by),
      [null],
    )
    door.resolve()
  })

  it('is taken one of a chat at a time; the others are left to the engine, as what nobody waits for is', async () => {
    const door = openLater()
    open(() => door.promise)
    await write([say(1), say(1), { kind: 'deliver', order: newOrderId(), chat: chatId(2) }])
    await write([say(1)])
    await until(() => seen.length === 1, 'the first is in hand')
    assert.deepEqual(
      (await rows()).map(({ locked_by: by }) => by).filter((by) => by !== null),
      ['our-hands'],
    )
    assert.equal((await rows()).length, 4)
    door.resolve()
  })

  it('that fails is given back with its attempt counted, to be tried again later by the engine', async () => {
    open(() => Promise.reject(new Error('a bug of ours')))
    await write([say(1)])
    await until(async () => (await rows())[0]?.locked_by === null, 'it is given back')
    const [row] = await rows()
    assert.equal(row?.attempts, 1)
    assert.equal(row?.last_error, 'a bug of ours')
  })

  it('is left to the engine when this instance takes nothing any more', async () => {
    await write([say(1)])
    assert.deepEqual(
      (await rows()).map(({ locked_by: by, attempts }) => [by, attempts]),
      [[null, 0]],
    )
  })

  it('that is in hand is waited for at the end', async () => {
    const door = openLater()
    open(() => door.promise)
    await write([say(1)])
    await until(() => seen.length === 1, 'it is in hand')
    let closed = false
    const closing = handOver.close().then(() => {
      closed = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(closed, false)
    door.resolve()
    await closing
    assert.deepEqual(await rows(), [])
  })

  it('that could not be settled, given back or freed before the work ended is so when the work begins anew', async () => {
    const door = openLater()
    open(async ({ errand }) => {
      await door.promise
      if ('chat' in errand && errand.chat === chatId(2)) throw new Error('a bug of ours')
    })
    await write([say(1), say(2)])
    const unanswered = handOver.begin()
    assert.ok(unanswered.takes({ errand: say(3), cid: story }))
    await until(() => seen.length === 2, 'both are in hand')
    const [first] = await storage.rows<{ id: string; errand: Errand }>(
      `insert into ${jobs} (task_id, payload, locked_by, locked_at)
       select task_id, payload, locked_by, locked_at from ${jobs} where id = (select min(id) from ${jobs})
       returning id`,
    )
    assert.ok(first)
    unanswered.wrote([{ id: first.id, errand: say(3), cid: story, attempt: 1, attemptsMax: 25, repeats: 0 }])
    await storage.rows(`alter table ${jobs} rename to away`)
    try {
      unanswered.end('unknown')
      const closing = handOver.close()
      door.resolve()
      await closing
    } finally {
      await storage.rows(`alter table ${schema}_jobs.away rename to _private_jobs`)
    }
    assert.deepEqual(
      (await rows()).map(({ locked_by: by }) => by),
      ['our-hands', 'our-hands', 'our-hands'],
    )
    open()
    await until(async () => (await rows()).every(({ locked_by: by }) => by === null), 'nothing is in hand')
    assert.deepEqual(
      (await rows()).map(({ last_error: error }) => error),
      ['a bug of ours', null],
    )
    assert.equal(seen.length, 2, 'what was done is not done again')
  })
})
