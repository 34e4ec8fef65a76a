import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { ChatGateway, ChatNo, Sent } from '../../src/delivery/chat-gateway.ts'
import { createPacing } from '../../src/delivery/pacing.ts'
import { createRefused } from '../../src/delivery/refused.ts'
import type { ScreenNotes } from '../../src/delivery/screen-notes.ts'
import { createShowScreen } from '../../src/delivery/show-screen.ts'
import { createWatchedChat } from '../../src/delivery/watched-chat.ts'
import { createKieCallback } from '../../src/intake/kie-callback.ts'
import { createClock } from '../../src/kit/clock.ts'
import { type ChatId, chatId, cid, messageId, newOrderId, type OrderId, personId } from '../../src/kit/ids.ts'
import { done, type Outcome, unknown } from '../../src/kit/outcome.ts'
import { createTurns } from '../../src/kit/turns.ts'
import { createPostgresScreenNotes } from '../../src/storage/postgres/screen-notes.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { patience } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { startWorld, type World } from '../fixtures/service.ts'
import { openStorage, type Storage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { getsFreePicture } from '../journeys/steps.ts'
import { type Remembered, watchRemembered } from './remembered.ts'

/** What the process remembers has a bound, so that it can run for years. */
let remembered: Remembered
before(() => {
  remembered = watchRemembered()
})
after(() => remembered.stop())

/** What is remembered of people and orders; that each has a limit is shown below. */
const bounded = ['delivery/pacing.ts', 'delivery/show-screen.ts', 'delivery/watched-chat.ts', 'intake/kie-callback.ts']

const clock = createTestClock()
const { telemetry } = createTelling(clock)
const none = { waitMs: () => undefined }

/** How much more one source file keeps than before `work`. */
async function growthOf(place: string, work: () => Promise<void>): Promise<number> {
  const before = (await remembered.count()).get(place) ?? 0
  await work()
  return ((await remembered.count()).get(place) ?? 0) - before
}

it('what the service remembers does not follow how many people write to it and order', async () => {
  const world = await startWorld()
  try {
    await world.controls.kie({ latency_ms: 50 })
    await peopleOrder(world)
    const before = await remembered.count()
    assert.ok(before.size > 10, 'the sources were watched')
    await peopleOrder(world)
    const grown = await untilSmall(async () => {
      const now = [...(await remembered.count())].filter(([place]) => !bounded.includes(place))
      return now.filter(([place, count]) => count >= (before.get(place) ?? 0) + peopleCount)
    })
    assert.deepEqual(grown, [])
  } finally {
    await world.end()
  }
})
/** Twice as many orders are no more than KIE takes within ten seconds. */
const peopleCount = 9

/** So many people who were never here, each from the first word to a picture. */
async function peopleOrder(world: World): Promise<void> {
  const people = await Promise.all(Array.from({ length: peopleCount }, () => world.person('Анна')))
  await Promise.all(
    people.map(async (person) => {
      await getsFreePicture(person, 'кот')
      await person.sees(/✅ Готово/)
    }),
  )
}

/** What ends a moment later is no memory. */
async function untilSmall<T>(find: () => Promise<readonly T[]>): Promise<readonly T[]> {
  const deadline = performance.now() + patience(3_000)
  let left = await find()
  while (left.length > 0 && performance.now() < deadline) left = await find()
  return left
}

it('of ten thousand orders with a callback of KIE, the callback of the oldest is forgotten first', async () => {
  const made: number[] = []
  const unsigned = { timestamp: undefined, signature: undefined }
  const handleCallback = createKieCallback({
    addJob: async ({ at }) => void made.push(at ?? 0),
    orderOf: (order) => ({ order: order as OrderId, cid: cid('abc123ff') }),
    clock,
    telemetry,
  })
  const [oldest, newest] = [newOrderId(), newOrderId()]
  await handleCallback(oldest, unsigned, '{}')
  for (let n = 0; n < 9_999; n++) await handleCallback(newOrderId(), unsigned, '{}')
  await handleCallback(newest, unsigned, '{}')
  made.length = 0
  await handleCallback(newest, unsigned, '{}')
  assert.deepEqual(made, [clock.now() + 2_000], 'it is known that it is polled now')
  await handleCallback(oldest, unsigned, '{}')
  assert.deepEqual(made.slice(1), [clock.now()], 'nothing is known of it any more')
})

it('a wait that Telegram asked for is forgotten when it is over, also of a chat that nobody writes to again', async () => {
  const { store, permit } = await openStorage()
  const pacing = createPacing({ store, breaker: none, random: () => 0, clock })
  const tooMany = { kind: 'not_done', why: 'too_many', detail: 'Too Many Requests' } as const
  const refuse = (chat: number) =>
    pacing.after(permit, chatId(chat), { ...tooMany, retry: { when: 'later', afterMs: 1_000 } }, 0)
  const growth = await growthOf('delivery/pacing.ts', async () => {
    for (let chat = 1; chat <= 50; chat++) {
      await refuse(chat)
      await clock.advance(2_000)
    }
  })
  // The waits of the newest, and the chats that were refused within five seconds.
  assert.ok(growth <= 5, `${growth} are remembered`)
  await refuse(7)
  assert.notEqual(pacing.waitFor(chatId(7)), undefined)
})

it('ten thousand chats may have a place in the row of calls, and a place that nobody comes for is forgotten', async () => {
  const { store } = await openStorage()
  const pacing = createPacing({ store, breaker: none, random: () => 0, clock })
  const growth = await growthOf('delivery/pacing.ts', async () => {
    for (let chat = 1; chat <= 10_100; chat++) assert.equal(pacing.hold(chatId(chat), 0) === undefined, chat <= 10)
  })
  assert.equal(growth, 10_000)
  const left = await growthOf('delivery/pacing.ts', async () => {
    await clock.advance(10_000 * 40 + 60_000)
    assert.equal(pacing.hold(chatId(1), 0), undefined)
  })
  assert.equal(left, -10_000)
})

it('of a thousand taps it is remembered that they were answered, and of no more', async () => {
  const chat = { answerTap: async () => done(true as const) } as unknown as ChatGateway
  const { answerTap } = createWatchedChat(chat, { ...none, note: () => {} })
  const growth = await growthOf('delivery/watched-chat.ts', async () => {
    for (let tap = 1; tap <= 1_500; tap++) await answerTap(`tap ${tap}`, {})
  })
  assert.equal(growth, 1_000)
})

function openScreens(storage: Storage, send: () => Promise<Outcome<Sent, ChatNo>>) {
  const { store, worker, database } = storage
  const pacing = createPacing({ store, breaker: none, random: () => 0, clock })
  const postgresNotes = createPostgresScreenNotes(database.monitor, createClock())
  let noted = 0
  const notes: ScreenNotes = {
    ...postgresNotes,
    async shown(note) {
      await postgresNotes.shown(note)
      noted += 1
    },
  }
  const chat = { send, edit: send, answerTap: async () => done(true as const) }
  const turns = createTurns<ChatId>()
  const refused = createRefused({ store, shop: 'shop', clock, telemetry })
  const screens = createShowScreen({ chat, notes, refused, turns, pacing, random: () => 0, clock, telemetry })
  return {
    show(id: number) {
      const [person, chat] = [personId(id), chatId(id)]
      const session = { version: 1, person, chat, revision: 1, place: { at: 'home' } } as const
      const kept = { session, cid: cid('abc123ff'), thread: 1, message: undefined, shownRevision: 0 }
      screens.show(worker, { ...kept, view: { screen: 'main_menu', text: [], keyboard: [] } })
    },
    noted: () => noted,
  }
}

it('of ten thousand chats it is remembered what was drawn last, and no more', async () => {
  const screens = openScreens(await openStorage(), async () => done({ message: messageId(1) }))
  const growth = await growthOf('delivery/show-screen.ts', async () => {
    for (let chat = 1; chat <= 10_500; chat++) {
      screens.show(chat)
      if (chat % 500 === 0) await until(() => screens.noted() === chat)
    }
  })
  assert.equal(growth, 10_000)
})

it('two thousand screens are on their way to a Telegram that stands still, and the others stay saved', async () => {
  const answers = Promise.withResolvers<Outcome<Sent, ChatNo>>()
  let calls = 0
  const { show } = openScreens(await openStorage(), () => {
    calls += 1
    return answers.promise
  })
  for (let chat = 1; chat <= 3_000; chat++) show(chat)
  assert.equal(calls, 2_048)
  answers.resolve(unknown('Telegram does not answer'))
})
