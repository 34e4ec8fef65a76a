import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StorageFault } from '../../src/faults.ts'
import type { KieGateway, KieNo } from '../../src/generation/kie-gateway.ts'
import { submitsPerWindow } from '../../src/generation/submit-slots.ts'
import type { SubmitTaskDeps } from '../../src/generation/submit-task.ts'
import { kieTaskId, type OrderId } from '../../src/kit/ids.ts'
import { done, later, never, unknown } from '../../src/kit/outcome.ts'
import type { ReleaseReason } from '../../src/orders/order.ts'
import { createRecordObservation } from '../../src/orders/record-observation.ts'
import type { Permit } from '../../src/permit.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openShop, priceKopecks } from './shop.ts'

const storage = await openStorage()
const { permit } = storage

type Submit = KieGateway['submit']
/** A KIE that counts what it is asked, and always says the same. */
function counting(submit: Submit) {
  let calls = 0
  const counted: Submit = async (task) => {
    calls += 1
    return await submit(task)
  }
  return { submit: counted, calls: () => calls }
}
const accepted = (task = 'task-1') => done({ task: kieTaskId(task) })
const fresh = async (shop: ReturnType<typeof openShop>) => {
  // Ten seconds later KIE's window is empty.
  await shop.clock.advance(10_001)
  return shop
}
const shop = openShop(storage)

describe('a task is submitted', () => {
  const endings: readonly (readonly [string, () => ReturnType<Submit>, string])[] = [
    ['KIE took it', async () => accepted(), 'generating'],
    ['the answer was lost', async () => unknown('no answer in 30 s'), 'uncertain'],
    ['KIE refuses the inputs', async () => never('inputs_refused', 'prompt too long'), 'released'],
    ['KIE has no money of ours', async () => never('no_credits', 'insufficient'), 'released'],
    ['the call broke in our hands', () => Promise.reject(new TypeError('a bug of ours')), 'uncertain'],
  ]
  for (const [what, ending, status] of endings) {
    it(`once, however often the errand comes, when ${what}`, async () => {
      await fresh(shop)
      const { id, person } = await shop.places()
      const kie = counting(ending)
      const submit = shop.submits(kie)
      for (let n = 0; n < 3; n++) await submit(id).catch(() => undefined)
      assert.equal(kie.calls(), 1)
      assert.equal((await shop.order(id)).status, status)
      assert.equal(await shop.balance(person), 1000 - (status === 'released' ? 0 : priceKopecks))
    })
  }

  it('once when two instances try at the same moment', async () => {
    await fresh(shop)
    const { id } = await shop.places()
    const kie = counting(async () => accepted())
    await Promise.all(Array.from({ length: 8 }, () => shop.submits(kie)(id)))
    assert.equal(kie.calls(), 1)
    // Who came while the call was on its way does not know how it ends; the answer does.
    assert.match((await shop.order(id)).status, /generating|uncertain/)
  })

  it('after one intent: of several that are written at the same moment one counts', async () => {
    await fresh(shop)
    const { id } = await shop.places()
    const at = shop.clock.now()
    const all = await Promise.all(Array.from({ length: 10 }, () => shop.record(id, { type: 'submit_begun', at })))
    assert.equal(all.filter((recorded) => recorded?.changed).length, 1)
  })

  it('never again when the process died between the intent and the call, or in the call', async () => {
    await fresh(shop)
    const { id, person } = await shop.places()
    await shop.record(id, { type: 'submit_begun', at: shop.clock.now() })
    const kie = counting(async () => accepted())
    assert.equal(await shop.submits(kie)(id), 'settled')
    assert.equal(kie.calls(), 0)
    assert.equal((await shop.order(id)).status, 'uncertain')
    assert.equal(await shop.balance(person), 1000 - priceKopecks)
    assert.deepEqual(await shop.errands(id), ['show_progress', 'watch_task'])
  })

  it('again, later, when KIE says that it did not take it, until its patience is over', async () => {
    await fresh(shop)
    const { id, person } = await shop.places()
    const kie = counting(async () => later('rate_limited', '429', 7_000))
    const submit = shop.submits(kie)
    assert.deepEqual(await submit(id), { againAt: shop.clock.now() + 7_000 })
    assert.equal((await shop.order(id)).status, 'placed')
    await shop.clock.advance(15 * 60_000)
    assert.equal(await submit(id), 'settled')
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'provider_unavailable')
    assert.equal(await shop.balance(person), 1000)
    assert.equal(kie.calls(), 2)
  })

  const kieThatTakes = () => ({
    ...counting(async () => accepted()),
    upload: async () => done({ url: 'https://k.test/1.png' }),
  })

  const states: readonly (readonly [string, Partial<SubmitTaskDeps>, Partial<KieGateway>])[] = [
    ['the token is refused', { fetchFile: async () => later('token_refused', '401') }, {}],
    ['Telegram is away', { fetchFile: async () => later('unreachable', 'away', 5_000) }, {}],
    ['the host of uploads is away', {}, { upload: async () => later('unreachable', 'away') }],
  ]
  for (const [what, deps, kieDeps] of states) {
    it(`after hours while ${what}: the time does not run, and neither does its deadline`, async () => {
      await fresh(shop)
      const { id, person } = await shop.places({ photos: 1 })
      const held = shop.submits({ ...counting(async () => accepted()), ...kieDeps }, deps)
      for (let n = 0; n < 30; n++) {
        assert.notEqual(await held(id), 'settled')
        await shop.clock.advance(10 * 60_000)
        await shop.record(id, { type: 'deadline_passed', at: shop.clock.now() })
      }
      assert.equal((await shop.order(id)).status, 'placed')
      // KIE says "later" after that, and has its own fifteen minutes.
      const slow = { ...kieThatTakes(), submit: async () => later('rate_limited', '429') }
      assert.notEqual(await shop.submits(slow)(id), 'settled')
      await shop.clock.advance(60_000)
      assert.notEqual(await shop.submits(slow)(id), 'settled')
      assert.equal(await shop.submits(kieThatTakes())(id), 'settled')
      assert.equal((await shop.order(id)).status, 'generating')
      assert.equal(await shop.balance(person), 1000 - priceKopecks)
    })

    it(`never when ${what} for a day: the money goes back`, async () => {
      await fresh(shop)
      const { id, person } = await shop.places({ photos: 1 })
      const held = shop.submits({ ...counting(async () => accepted()), ...kieDeps }, deps)
      await held(id)
      await shop.clock.advance(24 * 60 * 60_000)
      assert.equal(await held(id), 'settled')
      const order = await shop.order(id)
      assert.ok(order.status === 'released' && order.reason === 'provider_unavailable')
      assert.equal(await shop.balance(person), 1000)
    })
  }

  const refusals: readonly (readonly [KieNo, ReleaseReason])[] = [
    ['no_credits', 'provider_unavailable'],
    ['key_refused', 'provider_unavailable'],
    ['model_gone', 'provider_unavailable'],
    ['inputs_refused', 'input_lost'],
    ['input_lost', 'input_lost'],
  ]
  for (const [why, reason] of refusals) {
    it(`never when KIE refuses its picture with ${why}, and ends as ${reason}`, async () => {
      await fresh(shop)
      const { id, person } = await shop.places({ photos: 1 })
      const kie = counting(async () => accepted())
      assert.equal(await shop.submits({ ...kie, upload: async () => never(why, 'no') })(id), 'settled')
      const order = await shop.order(id)
      assert.equal(order.status === 'released' && order.reason, reason)
      assert.equal(kie.calls(), 0)
      assert.equal(await shop.balance(person), 1000)
      assert.equal(shop.fieldsOf('KIE_REFUSED').at(-1)?.['why'], why)
    })
  }

  it('not before everything for it is there: what breaks on the way leaves it as it was placed', async () => {
    await fresh(shop)
    const { id } = await shop.places()
    const kie = counting(async () => accepted())
    const broken = shop.submits(kie, {
      buildInput: () => {
        throw new TypeError('a bug of ours')
      },
    })
    await assert.rejects(broken(id), /a bug of ours/)
    assert.equal((await shop.order(id)).status, 'placed')
    assert.equal(kie.calls(), 0)
  })

  it('not any more by a leader who may not be one, and is placed again for the next', async () => {
    await fresh(shop)
    const { id } = await shop.places()
    const kie = counting(async () => accepted())
    const stale: Permit = { ...permit, isFresh: () => false }
    assert.notEqual(await shop.submits(kie, {}, stale)(id), 'settled')
    assert.equal(kie.calls(), 0)
    assert.equal((await shop.order(id)).status, 'placed')
  })

  it('not when it was cancelled while its pictures were on the way', async () => {
    await fresh(shop)
    const { id, person } = await shop.places({ photos: 1 })
    const kie = counting(async () => accepted())
    const submit = shop.submits({
      ...kie,
      upload: async () => {
        await shop.record(id, { type: 'cancel_asked', at: shop.clock.now() })
        return done({ url: 'https://kie.test/1.png' })
      },
    })
    assert.equal(await submit(id), 'settled')
    assert.equal(kie.calls(), 0)
    assert.equal(await shop.balance(person), 1000)
  })

  it('not when a picture of it is lost, and everything is given back', async () => {
    await fresh(shop)
    const { id, person } = await shop.places({ photos: 2 })
    const submit = shop.submits({}, { fetchFile: async () => never('file_gone', 'wrong file_id') })
    assert.equal(await submit(id), 'settled')
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'input_lost')
    assert.equal(await shop.balance(person), 1000)
  })

  it('with the reference of its order in the callback URL', async () => {
    await fresh(shop)
    const { id } = await shop.places()
    let url = ''
    const submit = shop.submits({
      submit: async ({ callbackUrl = '' }) => {
        url = callbackUrl
        return accepted()
      },
    })
    await submit(id)
    assert.equal(shop.references.read(url.split('/').at(-1) ?? '')?.order, id)
  })

  it('and remembered although the database was away for a moment when KIE answered', async () => {
    await fresh(shop)
    const { id } = await shop.places()
    const real = createRecordObservation({ store: storage.store, clock: shop.clock, telemetry: shop.telemetry })
    let faults = 0
    const record: typeof real = async (right, order, seen) => {
      if (typeof seen !== 'function' && seen.type === 'submit_accepted' && ++faults <= 3) throw new StorageFault('away')
      return await real(right, order, seen)
    }
    const submitting = shop.submits({ submit: async () => accepted('paid-task') }, { record })(id)
    let settled: unknown
    submitting.then(
      (how) => {
        settled = how
      },
      (error) => {
        settled = error
      },
    )
    await until(async () => {
      await shop.clock.advance(250)
      return settled !== undefined
    }, 'the errand is over')
    assert.equal(settled, 'settled')
    const order = await shop.order(id)
    assert.ok(order.status === 'generating' && order.task === 'paid-task')
  })

  it('at most twenty times in ten seconds by all instances together; the others wait until there is room', async () => {
    await fresh(shop)
    const other = await openStorage({ at: storage })
    const shops = [shop, openShop(other)]
    const placed = await Promise.all(Array.from({ length: 26 }, () => shop.places()))
    await shops[1]?.clock.advance(shop.clock.now() - (shops[1]?.clock.now() ?? 0))
    const kie = counting(async () => accepted())
    const submit = (order: OrderId, n: number) => (shops[n % 2] ?? shop).submits(kie)(order)
    const answers = await Promise.all(placed.map(({ id }, n) => submit(id, n)))
    assert.equal(kie.calls(), submitsPerWindow)
    const waiting = answers.filter((answer) => answer !== 'settled')
    assert.equal(waiting.length, 26 - submitsPerWindow)
    for (const { againAt } of waiting) assert.equal(againAt, shop.clock.now() + 10_000)
    for (const each of shops) await each.clock.advance(10_000)
    await Promise.all(placed.map(({ id }, n) => submit(id, n)))
    assert.equal(kie.calls(), 26)
  })
})
