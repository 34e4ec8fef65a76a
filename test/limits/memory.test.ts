import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { it } from 'node:test'
import { createPacing } from '../../src/delivery/pacing.ts'
import { createKieCallback } from '../../src/intake/kie-callback.ts'
import { chatId, cid, newOrderId, type OrderId } from '../../src/kit/ids.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** What the process remembers has a bound, so that it can run for years. */
const root = path.resolve(import.meta.dirname, '../..')

/** Everything of the service that begins empty and grows, and why it does not grow for ever. */
const bounds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'src/delivery/pacing.ts': {
    waits: 'those that are over are forgotten when one is noted',
    complaints: 'those of the last five seconds',
  },
  'src/dispatch/dispatcher.ts': {
    '#busy': 'lanesMax, and empty with the end of a leadership',
    '#inHand': 'a part of #busy',
    '#crowded': 'a part of #busy',
  },
  'src/errands/runner.ts': { last: 'chats for which an errand is in hand or waits' },
  'src/generation/sweep-orders.ts': {
    reported: 'those of the sweep before',
    stuck: 'made anew at each sweep: the orders that are late and cannot be moved on',
    wanted: 'keysMax',
    counts: 'one for each status',
  },
  'src/intake/kie-callback.ts': { looks: 'ringsMax' },
  'src/lifecycle/instance-watch.ts': { suspects: 'made anew at each look', strangers: 'made anew at each look' },
  'src/lifecycle/operator-watch.ts': {
    '#goneSince': 'one for each kind of cause',
    '#unkept': 'one for each kind of cause',
    '#passed': 'one for each kind of cause',
  },
  'src/storage/postgres/checkouts.ts': { held: 'the connections of the pool' },
  'src/storage/postgres/database.ts': { open: 'the connections of the pools' },
  'src/storage/postgres/errand-hand-over.ts': {
    chats: 'inHandMax',
    working: 'inHandMax, and what is being given back',
  },
  'src/storage/postgres/store.ts': { names: 'the statements of the program' },
}
/** Begins and ends with one call, or one check of a file. */
const ofOneCall = [
  /^src\/(catalog|commands|keeper)\//,
  /^src\/telemetry\/check-/,
  /^src\/storage\/postgres\/verify-/,
  /^src\/(generation\/submit-task|service)\.ts$/,
]

it('everything that the service remembers and that could grow has a bound that somebody has thought of', () => {
  const found: Record<string, string[]> = {}
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts') || ofOneCall.some((call) => call.test(file))) continue
    const text = readFileSync(path.join(root, file), 'utf8')
    const grows = /([#\w]+)(?:: [^=\n]+)? = new (?:Map|Set)(?:<.*>)?\(\)/g
    const names = [...text.matchAll(grows)].map(([, name = '']) => name)
    if (names.length > 0) found[file] = names
  }
  const listed = Object.fromEntries(Object.entries(bounds).map(([file, each]) => [file, Object.keys(each)]))
  const sorted = (each: Record<string, string[]>) =>
    Object.entries(each)
      .flatMap(([file, names]) => names.map((name) => `${file} ${name}`))
      .sort()
  assert.deepEqual(sorted(found), sorted(listed))
})

const clock = createTestClock()
const { telemetry } = createTelling(clock)

it('of ten thousand orders that KIE rang for, the ring of the oldest is forgotten first', async () => {
  const made: number[] = []
  const ring = createKieCallback({
    makeDue: async ({ at }) => void made.push(at ?? 0),
    orderOf: (order) => ({ order: order as OrderId, cid: cid('abc123ff') }),
    clock,
    telemetry,
  })
  const none = { timestamp: undefined, signature: undefined }
  const [oldest, newest] = [newOrderId(), newOrderId()]
  await ring(oldest, none, '{}')
  for (let n = 0; n < 9_999; n++) await ring(newOrderId(), none, '{}')
  await ring(newest, none, '{}')
  made.length = 0
  await ring(newest, none, '{}')
  assert.deepEqual(made, [clock.now() + 2_000], 'it is known that it was looked at now')
  await ring(oldest, none, '{}')
  assert.deepEqual(made.slice(1), [clock.now()], 'nothing is known of it any more')
})

it('a wait that Telegram asked for is forgotten when it is over, also of a chat that nobody writes to again', async (t) => {
  const { store, permit } = await openStorage()
  const kept = new Set<ReadonlyMap<unknown, unknown>>()
  const original = Map.prototype.set
  t.mock.method(Map.prototype, 'set', function set(this: Map<unknown, unknown>, key: unknown, value: unknown) {
    if (typeof key === 'string' && key.startsWith('chat:')) kept.add(this)
    return original.call(this, key, value)
  })
  const pacing = createPacing({ store, clock })
  const tells = (chat: number) =>
    pacing.after(permit, chatId(chat), {
      kind: 'not_done',
      why: 'too_many',
      detail: 'Too Many Requests',
      retry: { when: 'later', afterMs: 1_000 },
    })
  for (let chat = 1; chat <= 50; chat++) {
    await tells(chat)
    await clock.advance(2_000)
  }
  assert.equal(kept.size, 1)
  for (const waits of kept) assert.ok(waits.size <= 2, `${waits.size} are remembered`)
  await tells(7)
  assert.notEqual(pacing.waitFor(chatId(7)), undefined)
})
