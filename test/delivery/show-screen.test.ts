import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { View } from '../../src/conversation/view.ts'
import { createPacing, type Pacing } from '../../src/delivery/pacing.ts'
import { createRefused } from '../../src/delivery/refused.ts'
import { createShowScreen } from '../../src/delivery/show-screen.ts'
import type { Dispatcher } from '../../src/dispatch/dispatcher.ts'
import type { KeptSession } from '../../src/dispatch/sessions.ts'
import { createClock } from '../../src/kit/clock.ts'
import { type ChatId, chatId, cid, messageId, personId } from '../../src/kit/ids.ts'
import { later, never, unknown } from '../../src/kit/outcome.ts'
import { createTurns } from '../../src/kit/turns.ts'
import { startDuties } from '../../src/lifecycle/duties.ts'
import type { WorkerPermit } from '../../src/permit.ts'
import type { RolePorts } from '../../src/ports.ts'
import type { ServiceDeps } from '../../src/service/deps.ts'
import { createWorkDuties } from '../../src/service/work.ts'
import { createPostgresScreenNotes } from '../../src/storage/postgres/screen-notes.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'
import { createRecordingChat } from './recording-chat.ts'

/** Screens that were saved, until they are shown: on a real database, by a clock that the test moves. */
const storage = await openStorage()
const { store, permit, rows } = storage
const notes = createPostgresScreenNotes(storage.database.monitor, createClock())
const lost = async () => unknown('Telegram answered 502: Bad Gateway')
let chats = 0

function open() {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const recording = createRecordingChat()
  const pacing = createPacing({ store, breaker: { waitMs: () => undefined }, random: () => 0, clock })
  const turns = createTurns<ChatId>()
  const common = { random: () => 0, clock, telemetry: telling.telemetry }
  const refused = createRefused({ store, shop: 'shop', ...common })
  const screens = createShowScreen({ chat: recording.chat, notes, refused, turns, pacing, ...common })
  const over = new AbortController()
  let working = Promise.resolve()
  return {
    ...telling,
    ...recording,
    clock,
    screens,
    /** As the instance does that works; alone, when work is not shared. */
    begin(isAlone = false) {
      working = screens.showDue(permit, isAlone, over.signal)
    },
    async end() {
      over.abort()
      await working
    },
    /** Moves the clock in small steps, with a look of the database in each. */
    async passes(ms: number) {
      for (let passed = 0; passed < ms; passed += 500) {
        await clock.advance(500)
        await rows('select 1')
        await storage.database.monitor.query('select 1')
        await clock.advance(0)
      }
    },
  }
}

const viewOf = (screen: View['screen']): View => ({ screen, text: ['a screen'], keyboard: [] })

describe('a screen', () => {
  let instance = open()
  beforeEach(() => {
    instance = open()
  })
  afterEach(async () => {
    await instance.end()
    await rows('truncate sessions')
  })

  /** What a step saves: a drawing that nobody has seen. In a new chat, unless it goes on from another one. */
  async function saves(screen: View['screen'], more: Partial<KeptSession> & { from?: KeptSession } = {}) {
    if (more.from === undefined) chats += 1
    const { from = firstOf(chats), ...changed } = more
    const session = { ...from.session, revision: from.session.revision + 1 }
    const kept: KeptSession = { ...from, session, view: viewOf(screen), ...changed }
    await store.transact(permit, (tx) => tx.sessions.save(kept, instance.clock.now()))
    return kept
  }
  const firstOf = (n: number): KeptSession => ({
    session: { version: 1, person: personId(n), chat: chatId(n), revision: 0, place: { at: 'home' } },
    view: undefined,
    cid: cid('abc123ff'),
    thread: 1,
    message: undefined,
    shownRevision: 0,
  })
  async function rowOf({ session }: KeptSession) {
    type Row = { revision: number; shown: number; message: number | null; tries: number; due: number | null }
    const [row] = await rows<Row>(
      `select revision, shown_revision as shown, message, show_tries as tries, show_at as due
         from sessions where chat = $1`,
      [session.chat],
    )
    return row ?? assert.fail()
  }
  const untilShown = (kept: KeptSession) =>
    until(async () => {
      const { revision, shown } = await rowOf(kept)
      return shown === revision
    }, 'it is noted as shown')
  const untilCalled = (times: number) =>
    until(() => instance.calls.length >= times, `Telegram is called ${times} times`)

  it('that the last step draws while its instance stops is noted before the instance has stopped', async () => {
    const { clock, screens, telemetry } = instance
    const untilOver = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener('abort', resolve))
    const screensEnded = Promise.withResolvers<void>()
    let kept: KeptSession | undefined
    const lastStep = async (permitToShow: WorkerPermit) => {
      await screensEnded.promise
      kept = await saves('main_menu')
      screens.show(permitToShow, kept)
    }
    const duties = createWorkDuties(
      { config: { work: 'exclusive' }, clock } as unknown as ServiceDeps,
      { instances: { freeLanes: async () => {} } } as unknown as RolePorts,
      {
        dispatcher: { work: lastStep } as unknown as Dispatcher,
        screens: {
          ...screens,
          showDue: (...given) => screens.showDue(...given).finally(screensEnded.resolve),
        },
        pacing: { load: async () => {} } as unknown as Pacing,
        runner: { work: async (_, signal) => void (await untilOver(signal)) },
      },
    )
    const running = startDuties(duties, storage.worker, { clock, telemetry })
    await turn()
    await running.stop()
    const { revision, shown } = await rowOf(kept ?? assert.fail('it stopped before its last step'))
    assert.equal(shown, revision)
  })

  it('that waits for its turn at the chat is left out when a newer one was drawn meanwhile', async () => {
    const answer = Promise.withResolvers<undefined>()
    instance.next.push(() => answer.promise)
    const menu = await saves('main_menu')
    instance.screens.show(permit, menu)
    const balance = await saves('balance', { from: menu })
    instance.screens.show(permit, balance)
    const help = await saves('help', { from: balance })
    instance.screens.show(permit, help)
    // As a step does that ended later than it began.
    instance.screens.show(permit, balance)
    answer.resolve(undefined)
    await untilShown(help)
    assert.deepEqual(instance.drawn(), ['send main_menu', 'edit help'])
    assert.equal((await rowOf(help)).message, 1)
  })

  it('is shown again when an older one was drawn over it: what is noted is what is to be seen', async () => {
    const menu = await saves('main_menu', { message: messageId(7) })
    const answer = Promise.withResolvers<undefined>()
    instance.next.push(() => answer.promise)
    instance.screens.show(permit, menu)
    await untilCalled(1)
    // Another instance has drawn and shown the next one, and its call was executed before ours.
    const help = await saves('help', { from: menu, shownRevision: 2 })
    answer.resolve(undefined)
    await until(async () => (await rowOf(help)).due !== null, 'it is due again')
    assert.equal((await rowOf(help)).shown, 1)
    instance.begin()
    await untilShown(help)
    assert.deepEqual(instance.drawn(), ['edit main_menu', 'edit help'])
  })

  it('whose new message nobody confirms is sent three times, after growing pauses, and then named in the log', async () => {
    instance.next.push(lost, lost, lost)
    instance.begin()
    const menu = await saves('main_menu')
    instance.screens.show(permit, menu)
    for (const [tries, pauseMs] of [2_000, 4_000].entries()) {
      await until(async () => (await rowOf(menu)).tries === tries + 1, `try ${tries + 1} is noted`)
      await instance.passes(pauseMs - 500)
      assert.equal(instance.calls.length, tries + 1, 'not before its time')
      await instance.passes(500)
      await untilCalled(tries + 2)
    }
    await untilShown(menu)
    await instance.passes(60_000)
    assert.deepEqual(instance.drawn(), ['send main_menu', 'send main_menu', 'send main_menu'])
    assert.deepEqual(
      instance.fieldsOf('MESSAGE_UNCONFIRMED').map(({ what, calls }) => [what, calls]),
      [['main_menu', 3]],
    )
  })

  it('whose edit nobody confirms is drawn again', async () => {
    instance.next.push(lost, lost, lost, lost)
    instance.begin()
    const menu = await saves('main_menu', { message: messageId(7) })
    instance.screens.show(permit, menu)
    await untilCalled(1)
    await until(async () => {
      await instance.passes(500)
      return instance.calls.length === 5
    }, 'it was drawn again')
    await untilShown(menu)
    assert.deepEqual(instance.events('MESSAGE_UNCONFIRMED'), [])
  })

  it('that Telegram wants later is drawn not sooner than it said, and so is what came after it', async () => {
    instance.next.push(async () => later('too_many', 'Too Many Requests', 7_000))
    instance.begin()
    const menu = await saves('main_menu')
    instance.screens.show(permit, menu)
    await until(async () => (await rowOf(menu)).due === instance.clock.now() + 7_000, 'it waits')
    const help = await saves('help', { from: menu })
    instance.screens.show(permit, help)
    await instance.passes(6_500)
    assert.deepEqual(instance.drawn(), ['send main_menu'])
    await instance.passes(500)
    await untilShown(help)
    assert.deepEqual(instance.drawn(), ['send main_menu', 'send help'])
  })

  it('of a person who has blocked the bot is given up', async () => {
    instance.next.push(async () => never('blocked', 'Forbidden: bot was blocked by the user'))
    instance.begin()
    const menu = await saves('main_menu')
    instance.screens.show(permit, menu)
    await untilShown(menu)
    await instance.passes(60_000)
    assert.deepEqual(instance.drawn(), ['send main_menu'])
    assert.equal(instance.fieldsOf('UI_NOT_SHOWN').at(-1)?.['reason_code'], 'PERMISSION_DENIED')
  })

  it('that a process saved which has died is shown at once by the one that works after it', async () => {
    const menu = await saves('main_menu')
    instance.begin(true)
    await untilShown(menu)
    assert.deepEqual(instance.drawn(), ['send main_menu'])
  })

  it('that another instance may be showing is shown by the sweep when that has had its time', async () => {
    const menu = await saves('main_menu')
    instance.begin()
    await instance.passes(11_500)
    assert.deepEqual(instance.drawn(), [])
    await until(async () => {
      await instance.passes(500)
      return instance.calls.length > 0
    }, 'it is shown')
    await untilShown(menu)
  })

  it('is drawn into the message of its thread also before that is noted', async () => {
    const menu = await saves('main_menu')
    instance.screens.show(permit, menu)
    await untilCalled(1)
    const help = await saves('help', { from: menu })
    instance.screens.show(permit, help)
    await untilShown(help)
    assert.deepEqual(instance.drawn(), ['send main_menu', 'edit help'])
  })

  it('of a chat that may not be called is not drawn early', async () => {
    const menu = await saves('main_menu', { message: messageId(7) })
    const stale = { ...permit, isFresh: () => false }
    assert.equal(instance.screens.showEarly(stale, menu), undefined)
    assert.equal(instance.screens.showEarly(permit, { ...menu, message: undefined }), undefined)
    instance.next.push(async () => later('too_many', 'Too Many Requests', 7_000))
    instance.screens.show(permit, menu)
    assert.equal(instance.screens.showEarly(permit, menu), undefined, 'the chat is being called')
    await until(async () => (await rowOf(menu)).due === instance.clock.now() + 7_000, 'the chat has to wait')
    assert.equal(instance.screens.showEarly(permit, menu), undefined)
    assert.equal(instance.calls.length, 1)
  })

  it('that was drawn early is noted when its commit is, and never when it was dropped', async () => {
    const [kept, dropped] = [
      await saves('main_menu', { message: messageId(7) }),
      await saves('main_menu', { message: messageId(7) }),
    ]
    instance.screens.showEarly(permit, dropped)?.dropped()
    instance.screens.showEarly(permit, kept)?.committed()
    await untilShown(kept)
    assert.equal(instance.calls.length, 2)
    assert.equal((await rowOf(dropped)).shown, 0)
  })

  it('is one of many that waited: the sweep sends them at the pace of errands', async () => {
    for (let n = 0; n < 40; n++) await saves('main_menu')
    instance.begin(true)
    await untilCalled(10)
    await rows('select 1')
    assert.equal(instance.calls.length, 10, 'as many as may call at once')
    await until(async () => {
      await instance.clock.advance(100)
      return instance.calls.length === 40
    }, 'all are shown')
    const waited = instance.clock.now() - createTestClock().now()
    assert.ok(waited >= 1_200, `30 more in ${waited} ms`)
  })
})
