import { createPacing } from '../../src/delivery/pacing.ts'
import { createRefused } from '../../src/delivery/refused.ts'
import { createShowScreen } from '../../src/delivery/show-screen.ts'
import type { ArrivalReads } from '../../src/dispatch/arrival-reads.ts'
import { createArrive } from '../../src/dispatch/arrive.ts'
import { createDispatcher } from '../../src/dispatch/dispatcher.ts'
import { createHandleUpdate } from '../../src/dispatch/handle-update.ts'
import { createTelegramIntake } from '../../src/intake/telegram-webhook.ts'
import { createClock } from '../../src/kit/clock.ts'
import { botId, type ChatId, newCid, newDraftId, newOrderId, newQuoteId } from '../../src/kit/ids.ts'
import { createTurns } from '../../src/kit/turns.ts'
import { shopDaysIn } from '../../src/money/shop-day.ts'
import type { WorkerPermit } from '../../src/permit.ts'
import { createArrivalReads } from '../../src/storage/postgres/arrival-reads.ts'
import { createPostgresScreenNotes } from '../../src/storage/postgres/screen-notes.ts'
import { readPortsOn, sqlOf } from '../../src/storage/postgres/store.ts'
import { parseUpdate, peekUpdate } from '../../src/telegram/parse-update.ts'
import { pricing, theCatalog } from '../catalog/the-catalog.ts'
import { createRecordingChat } from '../delivery/recording-chat.ts'
import { createTestClock } from '../fixtures/clock.ts'
import type { Storage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/**
 * An instance that works, from the door to the chat, on a real database. Its clock stands still. `beforeRead` and
 * `afterRead` run around the read on arrival; `faults` are thrown where a screen asks for the shop.
 */
export function openWorker(storage: Storage) {
  const { store, inbox, claims, database } = storage
  const clock = createTestClock()
  const telling = createTelling(clock)
  const { telemetry } = telling
  const recording = createRecordingChat()
  const state = {
    isFresh: true,
    permit: storage.worker,
    beforeRead: async () => {},
    afterRead: async () => {},
    shopFault: undefined as Error | undefined,
  }
  const committed = readPortsOn(sqlOf(database.work), { bot: botId(1), freeDaily: () => 5 })
  const reads = createArrivalReads({ pool: database.work, bot: botId(1), freeDaily: () => 5 })
  const read: ArrivalReads = async (ask) => {
    await state.beforeRead()
    const seen = await reads(ask)
    await state.afterRead()
    return seen
  }
  const pacing = createPacing({ store, breaker: { waitMs: () => undefined }, random: () => 0, clock })
  const screens = createShowScreen({
    chat: recording.chat,
    notes: createPostgresScreenNotes(database.monitor, createClock()),
    refused: createRefused({ store, shop: 'shop', clock, telemetry }),
    turns: createTurns<ChatId>(),
    pacing,
    random: () => 0,
    clock,
    telemetry,
  })
  const conversing = {
    parse: parseUpdate,
    catalog: theCatalog(),
    pricing: () => pricing,
    shop() {
      if (state.shopFault !== undefined) throw state.shopFault
      return { freeDaily: 5, starsPerRub: '1.6', botUsername: 'bot', timezone: 'UTC', isSellingPaused: false }
    },
    dayAt: shopDaysIn('UTC'),
    mint: { quote: newQuoteId, order: newOrderId, draft: newDraftId },
    screens,
    clock,
    telemetry,
  }
  const dispatcher = createDispatcher({
    inbox,
    claims,
    arrive: createArrive({ ...conversing, inbox, read, committed }),
    ...createHandleUpdate({ ...conversing, store }),
    isCareful: () => false,
    clock,
    telemetry,
  })
  const accept = createTelegramIntake({
    take: (received, onStored) => dispatcher.take(received, onStored),
    fastLane: { answer: async () => ({}) },
    bot: () => botId(1),
    peek: peekUpdate,
    newCid,
    isActive: () => true,
    clock,
    telemetry,
  })

  let over = new AbortController()
  let working = Promise.resolve()
  return {
    ...telling,
    ...recording,
    state,
    clock,
    screens,
    begin(permit: Omit<WorkerPermit, 'isFresh'> = storage.worker) {
      over = new AbortController()
      working = dispatcher.work({ ...permit, isFresh: () => state.isFresh }, over.signal)
      // A test that expects a failure looks at `end`.
      working.catch(() => undefined)
    },
    /** Rejects with what has ended the work. */
    async end() {
      over.abort()
      await working
    },
    deliver: async (update: object) => (await accept(JSON.stringify(update), clock.monotonicMs())).kind,
  }
}
