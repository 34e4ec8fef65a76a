import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { View } from '../../src/conversation/view.ts'
import type { ArtifactSource } from '../../src/delivery/artifact-source.ts'
import type { ChatGateway, ChatNo } from '../../src/delivery/chat-gateway.ts'
import { createDeliver } from '../../src/delivery/deliver-artifacts.ts'
import { createPacing } from '../../src/delivery/pacing.ts'
import { createRefused } from '../../src/delivery/refused.ts'
import { createShowProgress } from '../../src/delivery/show-progress.ts'
import { createSmallErrands } from '../../src/delivery/small-errands.ts'
import { createTellOperator } from '../../src/delivery/tell-operators.ts'
import type { ErrandContext, Settled } from '../../src/errands/runner.ts'
import {
  chargeId,
  chatId,
  chatOfPerson,
  cid,
  fileId,
  kieTaskId,
  messageId,
  newTopUpId,
  type OrderId,
  personId,
} from '../../src/kit/ids.ts'
import { done, later, type Outcome, unknown } from '../../src/kit/outcome.ts'
import { kopecks, stars } from '../../src/money/amount.ts'
import { createRecordObservation } from '../../src/orders/record-observation.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openShop } from '../generation/shop.ts'

/** What becomes of a call that Telegram does not confirm, by how often it was made: on a real database. */
const storage = await openStorage()
const { store, permit } = storage
const silence = unknown('Telegram answered 502: Bad Gateway')
const refusedToken = later('token_refused', 'Telegram answered 401: Unauthorized')
const view: View = { screen: 'help', text: [], keyboard: [] }
const words = { title: 't', description: 'd', label: 'l' }
const anna = chatId(1)

function open() {
  const shop = openShop(storage)
  const { clock, telemetry } = shop
  const world: { says: Outcome<never, ChatNo>; files: Awaited<ReturnType<ArtifactSource['fetch']>> } = {
    says: silence,
    files: done({ bytes: new Uint8Array([1]), mime: 'image/png', width: 10, height: 10 }),
  }
  const calls: string[] = []
  const chat = new Proxy({} as ChatGateway, {
    get: (_, method) => async () => {
      calls.push(String(method))
      return world.says
    },
  })
  const verdicts: string[] = []
  const common = { store, chat, clock, telemetry, random: () => 0 }
  const pacing = createPacing({ ...common, breaker: { waitMs: () => undefined } })
  const refused = createRefused({ ...common, shop: 'shop' })
  const record = createRecordObservation(common)
  const artifacts: ArtifactSource = { fetch: async () => world.files }
  const shows = async () => view
  const handlers = {
    ...createSmallErrands({
      ...common,
      artifacts,
      pacing,
      refused,
      record,
      texts: { invoice: async () => words, receipt: shows, noOriginal: shows, noResult: shows },
      examine: async () => ({ verdict: 'picture', bytes: 1, width: 10, height: 10 }),
      fileChecked: async (_permit, _owner, _file, verdict) => void verdicts.push(verdict),
      starRefunds: { mayBegin: async () => true, done: async () => {}, refused: async () => {} },
      starTransactions: async () => unknown('no answer'),
      operators: [],
      tellOperator: createTellOperator({ chat, telemetry }),
    }),
    show_progress: createShowProgress({
      ...common,
      record,
      pacing,
      refused,
      progressOf: async () => ({ view: { ...view, screen: 'progress' }, nextMs: 1_000 }),
    }),
    deliver: createDeliver({
      ...common,
      record,
      artifacts,
      words: { receipt: shows, lateGift: shows },
      pacing,
      refused,
    }),
  }
  const context = (repeats: number): ErrandContext => ({ cid: cid('abc123ff'), permit, repeats })
  const pauseOf = (settled: Settled) => (settled === 'settled' ? settled : (settled.againAt - clock.now()) / 1000)

  /** Carries the errand out again and again, as the runner does, at most so often; gives the pauses in seconds. */
  async function pauses(run: (context: ErrandContext) => Promise<Settled>, most: number) {
    const found: (number | 'settled')[] = []
    let repeats = 0
    for (let n = 0; n < most; n++) {
      const settled = await run(context(repeats))
      found.push(pauseOf(settled))
      if (settled === 'settled') break
      repeats = settled.repeats ?? repeats + 1
      await clock.advance(settled.againAt - clock.now())
    }
    return found
  }

  async function produced(): Promise<OrderId> {
    const { id } = await shop.places()
    const task = kieTaskId('task')
    await shop.record(id, { type: 'submit_begun', at: clock.now() })
    await shop.record(id, { type: 'submit_accepted', task, at: clock.now() })
    const artifacts = ['https://kie.test/1.png', 'https://kie.test/2.png']
    await shop.record(id, { type: 'task_succeeded', task, artifacts, at: clock.now() })
    return id
  }
  return { ...shop, shop, handlers, world, calls, verdicts, pauses, produced }
}
type Open = ReturnType<typeof open>

const photo = { kind: 'take_file', person: personId(1), chat: anna, fileId: 'f', uniqueId: 'u', revision: 1 } as const

const messages: readonly (readonly [
  what: string,
  call: string,
  run: (o: Open) => Promise<(c: ErrandContext) => Promise<Settled>>,
])[] = [
  [
    'help',
    'send',
    async ({ handlers }) =>
      (c) =>
        handlers.say({ kind: 'say', chat: anna, view }, c),
  ],
  [
    'trouble',
    'send',
    async ({ handlers }) =>
      (c) =>
        handlers.tell_operator({ kind: 'tell_operator', what: 'x', to: personId(1) }, c),
  ],
  [
    'invoice',
    'sendInvoice',
    async ({ handlers, clock }) => {
      const topUp = newTopUpId()
      const amount = { amount: kopecks(5_000), stars: stars(80) }
      await store.transact(permit, (tx) =>
        tx.topUps.add({ id: topUp, person: personId(1), ...amount, madeAt: clock.now(), state: 'open' }),
      )
      return (c) => handlers.send_invoice({ kind: 'send_invoice', topUp, chat: anna }, c)
    },
  ],
  [
    'result',
    'sendAgain',
    async ({ handlers, shop, produced, clock }) => {
      const order = await produced()
      const sent = { state: 'sent', file: fileId('f'), as: 'photo', message: messageId(1) } as const
      await shop.record(order, { type: 'artifact_delivered', index: 0, sent, at: clock.now() })
      return (c) => handlers.send_again({ kind: 'send_again', order, chat: anna, as: 'photo', index: 0 }, c)
    },
  ],
  [
    'progress',
    'send',
    async ({ handlers, produced }) => {
      const order = await produced()
      return (c) => handlers.show_progress({ order, chat: anna }, c)
    },
  ],
]

describe('a message that Telegram never confirms is sent three times, with growing pauses, and then named in the log', () => {
  for (const [what, call, prepare] of messages) {
    it(`${what}, by ${call}`, async () => {
      const opened = open()
      assert.deepEqual(await opened.pauses(await prepare(opened), 20), [2, 4, 'settled'])
      assert.deepEqual(opened.calls, [call, call, call])
      const [told] = opened.fieldsOf('MESSAGE_UNCONFIRMED')
      assert.deepEqual({ what: told?.['what'], calls: told?.['calls'] }, { what, calls: 3 })
    })
  }
})

describe('the message of an order whose edit Telegram never confirms', () => {
  const saysOf = async (order: OrderId) => {
    const { cid: story, chat } = await open().shop.order(order)
    return await storage.rows(
      `select from ${storage.schema}_jobs._private_jobs
        where payload->'errand'->>'kind' = 'say' and payload->>'cid' = $1 and payload->'errand'->>'chat' = $2`,
      [story, String(chat)],
    )
  }
  for (const [state, isOver] of [
    ['is over', true],
    ['goes on', false],
  ] as const) {
    it(`${isOver ? 'is followed by a new one' : 'is left'} when the order ${state}`, async () => {
      const opened = open()
      const order = await opened.produced()
      await opened.shop.record(order, { type: 'progress_shown', message: messageId(7) })
      for (const index of isOver ? [0, 1] : []) {
        await opened.shop.record(order, { type: 'artifact_refused', index, reason: 'refused', at: opened.clock.now() })
      }
      const { chat } = await opened.shop.order(order)
      const pauses = await opened.pauses((c) => opened.handlers.show_progress({ order, chat }, c), 20)
      assert.equal(pauses.length, 12)
      assert.deepEqual(new Set(opened.calls), new Set(['edit']))
      assert.equal((await saysOf(order)).length, isOver ? 1 : 0)
    })
  }
})

describe('a result that Telegram never confirms', () => {
  it('is sent three times, told once to the log and the operators, and then ever more rarely', async () => {
    const opened = open()
    const order = await opened.produced()
    const run = (c: ErrandContext) => opened.handlers.deliver({ order, chat: anna }, c)
    const hours = [2, 4, 300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 21_600, 21_600]
    assert.deepEqual(await opened.pauses(run, 11), hours)
    assert.equal(opened.fieldsOf('RESULT_UNCONFIRMED').length, 1)
    const told = await storage.rows(
      `select from ${storage.schema}_jobs._private_jobs where payload->'errand'->>'what' like '%RESULT_UNCONFIRMED%'`,
    )
    assert.equal(told.length, 1)
    assert.equal((await opened.shop.order(order)).status, 'delivering')
  })
})

describe('a refused token ends nothing, and is no repeat', () => {
  const prepared: typeof messages = [
    ...messages,
    [
      'photo',
      'fetchFile',
      async ({ handlers }) =>
        (c) =>
          handlers.take_file(photo, c),
    ],
    [
      'result that is new',
      'sendFile',
      async ({ handlers, produced }) => {
        const order = await produced()
        return (c) => handlers.deliver({ order, chat: anna }, c)
      },
    ],
    [
      'Stars that are given back',
      'refundStars',
      async ({ handlers }) =>
        (c) =>
          handlers.refund_stars({ kind: 'refund_stars', charge: chargeId('c'), person: personId(1) }, c),
    ],
    [
      'keyboard of a former program',
      'removeKeyboard',
      async ({ handlers }) =>
        (c) =>
          handlers.remove_keyboard({ kind: 'remove_keyboard', chat: anna, text: 'x' }, c),
    ],
  ]
  for (const [what, call, prepare] of prepared) {
    it(`${what}, by ${call}`, async () => {
      const opened = open()
      opened.world.says = refusedToken
      assert.deepEqual(await opened.pauses(await prepare(opened), 6), [2, 2, 2, 2, 2, 2])
      assert.equal(opened.calls.filter((each) => each === call).length, 6)
      assert.deepEqual(opened.verdicts, [])
      for (const end of ['HOLD_RELEASED', 'MESSAGE_REFUSED', 'REFUNDED', 'LOSS_RECORDED'] as const) {
        assert.deepEqual(opened.fieldsOf(end), [])
      }
    })
  }
})

describe('what nobody sees twice is asked for longer, and ends too', () => {
  it('a photo that does not come: the person is asked for it again', async () => {
    const opened = open()
    const pauses = await opened.pauses((c) => opened.handlers.take_file(photo, c), 20)
    assert.deepEqual(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 'settled'])
    assert.deepEqual(opened.verdicts, ['lost'])
  })

  it('Stars that are given back: somebody looks at it', async () => {
    const opened = open()
    const refund = { kind: 'refund_stars', charge: chargeId('c'), person: personId(1) } as const
    await assert.rejects(
      opened.pauses((c) => opened.handlers.refund_stars(refund, c), 20),
      /does not confirm the refund/,
    )
    assert.equal(opened.calls.length, 10)
  })

  it('a picture whose host does not answer, with pauses that grow for two weeks', async () => {
    const opened = open()
    opened.world.files = unknown('no answer in 60 s')
    const order = await opened.produced()
    const run = (c: ErrandContext) => opened.handlers.deliver({ order, chat: chatOfPerson(personId(1)) }, c)
    const pauses = await opened.pauses(run, 400)
    assert.deepEqual(pauses.slice(0, 10), [2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    assert.equal(pauses.at(-1), 'settled')
    const held = pauses.indexOf(600)
    assert.ok(held > 280 && held < 310, `${held} looks in a day, until the money goes back`)
    assert.ok(pauses.length - held < 80, `${pauses.length - held} looks for a gift`)
    assert.deepEqual(opened.calls, [])
    const { status } = await opened.shop.order(order)
    assert.equal(status, 'released')
  })
})
