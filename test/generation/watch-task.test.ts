import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KieGateway, TaskSeen } from '../../src/generation/kie-gateway.ts'
import { kieTaskId, type OrderId } from '../../src/kit/ids.ts'
import { done, later, never, unknown } from '../../src/kit/outcome.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openShop, priceKopecks } from './shop.ts'

const storage = await openStorage()
const shop = openShop(storage)
const hourMs = 3_600_000

type Look = KieGateway['look']
const sees = (seen: TaskSeen): { look: Look } => ({ look: async () => done(seen) })
const running = sees({ state: 'running', stage: 'generating' })
const success: TaskSeen = { state: 'succeeded', artifacts: ['https://kie.test/1.png'] }

async function generating(task: string) {
  const placed = await shop.places()
  await shop.record(placed.id, { type: 'submit_begun', at: shop.clock.now() })
  await shop.record(placed.id, { type: 'submit_accepted', task: kieTaskId(task), at: shop.clock.now() })
  return placed
}
async function uncertain() {
  const placed = await shop.places()
  await shop.record(placed.id, { type: 'submit_begun', at: shop.clock.now() })
  await shop.record(placed.id, { type: 'submit_unanswered', at: shop.clock.now() })
  return placed
}
const pauseOf = (settled: Awaited<ReturnType<ReturnType<typeof shop.watches>>>) =>
  settled === 'settled' ? settled : settled.againAt - shop.clock.now()
const statusOf = async (id: OrderId) => (await shop.order(id)).status

describe('a task is watched', () => {
  it('ever more rarely while it runs, and what is seen of it is shown', async () => {
    const { id } = await generating('task-1')
    const watch = shop.watches(running)
    const pauses: unknown[] = []
    for (const ageMs of [0, 40_000, 200_000, 1_000_000, 4_000_000]) {
      await shop.clock.advance(ageMs)
      pauses.push(pauseOf(await watch(id)))
    }
    assert.deepEqual(pauses, [2_000, 5_000, 15_000, 60_000, 600_000])
    const order = await shop.order(id)
    assert.ok(order.status === 'generating' && order.stage === 'generating')
  })

  it('until it succeeds; then its pictures are on their way', async () => {
    const { id, person } = await generating('task-1')
    assert.equal(await shop.watches(sees(success))(id), 'settled')
    assert.equal(await statusOf(id), 'delivering')
    assert.ok((await shop.errands(id)).includes('deliver'))
    assert.equal(await shop.balance(person), 1000 - priceKopecks, 'nothing is captured before it is delivered')
  })

  it('until it fails; then the money goes back, once', async () => {
    const { id, person } = await generating('task-1')
    const watch = shop.watches(sees({ state: 'failed', reason: 'generation_failed', detail: 'x' }))
    assert.equal(await watch(id), 'settled')
    assert.equal(await watch(id), 'settled')
    assert.equal(await statusOf(id), 'released')
    assert.equal(await shop.balance(person), 1000)
  })

  const silences: readonly (readonly [string, Look])[] = [
    ['KIE does not know it yet', async () => done({ state: 'not_found' })],
    ['the answer is lost', async () => unknown('no answer')],
    ['KIE is in maintenance', async () => later('maintenance', '455')],
    ['our key is refused', async () => never('key_refused', '401')],
  ]
  for (const [what, look] of silences) {
    it(`on and on while ${what}: that is no failure and no success`, async () => {
      const { id, person } = await generating('task-1')
      const watch = shop.watches({ look })
      for (let n = 0; n < 3; n++) assert.notEqual(await watch(id), 'settled')
      assert.equal(await statusOf(id), 'generating')
      assert.equal(await shop.balance(person), 1000 - priceKopecks)
    })
  }

  it('and a state nobody described is a fault that is reported, and moves nothing', async () => {
    const { id, person } = await generating('task-1')
    const watch = shop.watches(sees({ state: 'unrecognized', raw: 'teleporting' }))
    await assert.rejects(watch(id), /teleporting/)
    assert.equal(await statusOf(id), 'generating')
    assert.equal(await shop.balance(person), 1000 - priceKopecks)
    assert.equal(shop.fieldsOf('KIE_STATE_UNRECOGNIZED').at(-1)?.['raw'], 'teleporting')
  })

  it('and the money of one in a state nobody described goes back at the deadline all the same', async () => {
    const { id, person } = await generating('task-1')
    const watch = shop.watches(sees({ state: 'unrecognized', raw: 'teleporting' }))
    await shop.clock.advance(24 * hourMs)
    await assert.rejects(watch(id), /teleporting/)
    assert.equal(await statusOf(id), 'released')
    assert.equal(await shop.balance(person), 1000)
  })

  it('for two minutes more when a success names no result, and then the money goes back', async () => {
    const { id, person } = await generating('task-1')
    await shop.clock.advance(2 * hourMs)
    const watch = shop.watches(sees({ state: 'empty' }))
    for (const ageMs of [0, 15_000, 104_999]) {
      await shop.clock.advance(ageMs)
      assert.equal(pauseOf(await watch(id)), 15_000)
      assert.equal(await statusOf(id), 'generating')
      assert.equal(await shop.balance(person), 1000 - priceKopecks)
    }
    await shop.clock.advance(1)
    assert.equal(await watch(id), 'settled')
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'generation_failed')
    assert.equal(await shop.balance(person), 1000)
  })

  it('and takes a list that is filled a moment after the success for the result', async () => {
    const { id, person } = await generating('task-1')
    await shop.watches(sees({ state: 'empty' }))(id)
    await shop.clock.advance(119_999)
    assert.equal(await shop.watches(sees(success))(id), 'settled')
    assert.equal(await statusOf(id), 'delivering')
    assert.equal(await shop.balance(person), 1000 - priceKopecks)
  })

  it('until the order is lost: the money goes back at the deadline, and the watch goes on', async () => {
    const { id, person } = await generating('task-1')
    const watch = shop.watches(running)
    await shop.clock.advance(24 * hourMs - 1)
    await watch(id)
    assert.equal(await statusOf(id), 'generating')
    await shop.clock.advance(1)
    assert.equal(pauseOf(await watch(id)), 600_000)
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'lost')
    assert.equal(await shop.balance(person), 1000)
    await shop.clock.advance(14 * 24 * hourMs)
    assert.equal(await watch(id), 'settled', 'KIE has forgotten it by now')
  })

  it('until it is delivered: a delivery that is late, or a late gift, is left to the sweep, which tells of it', async () => {
    const [delivering, gift] = [await generating('task-1'), await generating('task-2')]
    await shop.watches(sees(success))(delivering.id)
    await shop.clock.advance(24 * hourMs)
    await shop.watches(running)(gift.id)
    await shop.watches(sees(success))(gift.id)
    await shop.clock.advance(30 * 24 * hourMs)
    for (const { id } of [delivering, gift]) {
      const before = await shop.order(id)
      assert.equal(await shop.watches(running)(id), 'settled')
      assert.deepEqual(await shop.order(id), before)
    }
  })

  it('and a success after the money went back is a gift, once, that moves nothing', async () => {
    const { id, person } = await generating('task-1')
    await shop.clock.advance(24 * hourMs)
    await shop.watches(running)(id)
    const watch = shop.watches(sees(success))
    await watch(id)
    await watch(id)
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.gift === 'delivering')
    assert.deepEqual(
      (await shop.errands(id)).filter((kind) => kind === 'deliver'),
      ['deliver'],
    )
    assert.equal(await shop.balance(person), 1000)
  })
})

describe('an order whose submit was not answered', () => {
  it('is given back at its deadline, and then nobody looks for what has no name', async () => {
    const { id, person } = await uncertain()
    const watch = shop.watches({})
    assert.notEqual(await watch(id), 'settled')
    assert.equal(await statusOf(id), 'uncertain')
    await shop.clock.advance(15 * 60_000)
    assert.equal(await watch(id), 'settled')
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.reason === 'never_confirmed')
    assert.equal(await shop.balance(person), 1000)
  })

  it('is matched by a callback whose task carries our own URL, whatever state it is in', async () => {
    const { id } = await uncertain()
    const callbackUrl = shop.callbackUrlOf(id)
    await shop.watches(sees({ state: 'running', stage: 'queuing', callbackUrl }))(id, 'its-task')
    const order = await shop.order(id)
    assert.ok(order.status === 'generating' && order.task === 'its-task')
    assert.equal(await shop.watches(sees({ ...success, callbackUrl }))(id), 'settled')
    assert.equal(await statusOf(id), 'delivering')
  })

  it('believes no callback that names the task of another order, or one without a URL of ours', async () => {
    const { id, person } = await uncertain()
    const other = await uncertain()
    for (const callbackUrl of [shop.callbackUrlOf(other.id), 'https://evil.example/kie/x', undefined]) {
      const seen = callbackUrl === undefined ? success : { ...success, callbackUrl }
      await shop.watches(sees(seen))(id, 'a-stranger')
      assert.equal(await statusOf(id), 'uncertain')
    }
    assert.equal(await shop.balance(person), 1000 - priceKopecks)
  })

  it('by one look that goes on: what a callback asked for ends when the order knows its task, and not before', async () => {
    const { id } = await uncertain()
    const running = (callbackUrl: string) => sees({ state: 'running', stage: 'generating', callbackUrl })
    const forged = shop.watches(running('https://evil.example/kie/x'))
    assert.notEqual(await forged(id, 'its-task'), 'settled')
    const ours = shop.watches(running(shop.callbackUrlOf(id)))
    assert.equal(await ours(id, 'its-task'), 'settled')
    assert.equal(await statusOf(id), 'generating')
    assert.notEqual(await ours(id), 'settled')
  })

  it('believes no hint when it knows its task: it looks at its own', async () => {
    const { id } = await generating('its-own')
    const looked: string[] = []
    await shop.watches({
      look: async (task) => {
        looked.push(task)
        return done({ state: 'running', stage: 'waiting' })
      },
    })(id, 'a-stranger')
    assert.deepEqual(looked, ['its-own'])
  })

  it('whose callback comes after the deadline gets its picture as a gift', async () => {
    const { id, person } = await uncertain()
    await shop.clock.advance(15 * 60_000)
    await shop.watches({})(id)
    await shop.watches(sees({ ...success, callbackUrl: shop.callbackUrlOf(id) }))(id, 'late-task')
    const order = await shop.order(id)
    assert.ok(order.status === 'released' && order.gift === 'delivering')
    assert.equal(await shop.balance(person), 1000)
  })
})
