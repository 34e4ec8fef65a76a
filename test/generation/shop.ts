import type { Offer, Values } from '../../src/catalog/offer.ts'
import type { Errand } from '../../src/errands/errand.ts'
import type { KieGateway } from '../../src/generation/kie-gateway.ts'
import { createOrderReferences } from '../../src/generation/order-reference.ts'
import { createSubmitTask, type SubmitTaskDeps } from '../../src/generation/submit-task.ts'
import { createWatchTask } from '../../src/generation/watch-task.ts'
import {
  chargeId,
  chatId,
  cid,
  newOrderId,
  newQuoteId,
  type OrderId,
  offerId,
  type PersonId,
  personId,
} from '../../src/kit/ids.ts'
import { kopecks, stars } from '../../src/money/amount.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import type { Observation } from '../../src/orders/decide.ts'
import type { Order } from '../../src/orders/order.ts'
import { createRecordObservation } from '../../src/orders/record-observation.ts'
import type { Permit } from '../../src/permit.ts'
import { createTestClock } from '../fixtures/clock.ts'
import type { Storage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** Orders with real holds on a real database, a clock that a test moves, and a KIE that says what the test wants. */
export const priceKopecks = 300
const both = { ru: 'ру', en: 'en' }
export const offer: Offer = {
  id: offerId('an-offer'),
  model: 'maker/model',
  family: 'market',
  category: 'image',
  kind: 'image-to-image',
  title: 'Model',
  maker: 'Maker',
  about: both,
  example: both,
  fields: [
    { name: 'prompt', type: 'text', role: 'prompt', required: true, label: both, minLength: 1, maxLength: 100 },
    { name: 'photos', type: 'images', required: false, label: both, min: 0, max: 3, maxBytes: 1e7, wire: 'list' },
  ],
  constants: {},
  prices: [],
  excluded: [],
  deadlines: { uncertainMs: 15 * 60_000, lostMs: 24 * 3_600_000 },
}

const never = () => Promise.reject(new Error('KIE was asked for something that the test does not expect'))
const silentKie: KieGateway = {
  upload: never,
  reachUploads: never,
  submit: never,
  look: never,
  freshLink: never,
  credits: never,
}
let people = 0
const story = cid('abc123ff')

export type Shop = ReturnType<typeof openShop>

export function openShop(storage: Storage) {
  const { store, permit } = storage
  const clock = createTestClock()
  const telling = createTelling(clock)
  const { telemetry } = telling
  const record = createRecordObservation({ store, clock, telemetry })
  const references = createOrderReferences('a-key-of-the-tests')

  return {
    clock,
    references,
    ...telling,
    record: (id: OrderId, seen: Observation) => record(permit, id, seen),

    /** Somebody with ten roubles places an order for three, of so many pictures. */
    async places({ photos = 0, ordered = 1 } = {}): Promise<{ id: OrderId; person: PersonId }> {
      const person = personId(++people)
      const id = newOrderId()
      const day = shopDay('2026-01-12')
      const at = clock.now()
      const price = { unit: 'RUB', kopecks: kopecks(priceKopecks) } as const
      const files = Array.from({ length: photos }, (_, n) => ({ fileId: `f${n}`, uniqueId: `u${n}`, bytes: 1 }))
      const values: Values = { prompt: 'a cat', photos: files }
      const order: Order = {
        status: 'placed',
        id,
        person,
        chat: chatId(person),
        cid: story,
        offer: offer.id,
        model: offer.model,
        values,
        price,
        ordered,
        day,
        placedAt: at,
      }
      await store.transact(permit, async (tx) => {
        const paid = { charge: chargeId(`charge-${person}`), person, amount: kopecks(1000), stars: stars(16) }
        await tx.ledger.credit({ ...paid, at, cid: story })
        await tx.ledger.hold({ order: id, at, cid: story, person, price, day })
        await tx.orders.add(order, newQuoteId())
      })
      return { id, person }
    },

    async order(id: OrderId): Promise<Order> {
      const order = await store.transact(permit, (tx) => tx.orders.get(id))
      if (order === undefined) throw new Error('there is no such order')
      return order
    },
    balance: (person: PersonId) => store.transact(permit, (tx) => tx.ledger.balance(person)),

    /** The errands of an order that wait, by kind. */
    async errands(id: OrderId): Promise<Errand['kind'][]> {
      const rows = await storage.rows<{ kind: Errand['kind'] }>(
        `select payload->'errand'->>'kind' as kind from ${storage.schema}_jobs._private_jobs
          where payload->'errand'->>'order' = $1 order by kind`,
        [id],
      )
      return rows.map(({ kind }) => kind)
    },

    submits(kie: Partial<KieGateway>, more: Partial<SubmitTaskDeps> = {}, right: Permit = permit) {
      const submit = createSubmitTask({
        store,
        record,
        kie: { ...silentKie, ...kie },
        fetchFile: async () => ({ kind: 'done', value: { bytes: new Uint8Array([1]) } }),
        offer: () => offer,
        buildInput: ({ model }, { prompt }) => ({ model, prompt }),
        upright: async (bytes) => ({ mime: 'image/png', bytes }),
        callbackUrl: (order, of) => `https://bot.example/kie/${references.sign(order, of)}`,
        random: () => 0,
        clock,
        telemetry,
        ...more,
      })
      return (order: OrderId, repeats = 0) => submit({ order }, { permit: right, cid: story, repeats })
    },

    watches(kie: Partial<KieGateway>) {
      const watch = createWatchTask({
        store,
        record,
        kie: { ...silentKie, ...kie },
        offer: () => offer,
        isOurCallback: (order, url) => references.read(url.split('/').at(-1) ?? '')?.order === order,
        clock,
        telemetry,
      })
      return (order: OrderId, hint?: string) =>
        watch({ order, ...(hint === undefined ? {} : { hint }) }, { permit, cid: story })
    },
    story,
    callbackUrlOf: (order: OrderId) => `https://bot.example/kie/${references.sign(order, story)}`,
  }
}
