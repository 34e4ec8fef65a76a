import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cid, fileId, kieTaskId, messageId, type OrderId, type PersonId } from '../../src/kit/ids.ts'
import { never, unknown } from '../../src/kit/outcome.ts'
import type { Observation } from '../../src/orders/decide.ts'
import type { LossReason } from '../../src/orders/order.ts'
import { applyObservation } from '../../src/orders/record-observation.ts'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { readStory } from '../../src/storage/postgres/story.ts'
import { openStorage } from '../fixtures/storage.ts'
import { offer, openShop, priceKopecks } from '../generation/shop.ts'

const storage = await openStorage()
const shop = openShop(storage)
const { clock } = shop
const hourMs = 3_600_000

type Row = {
  cause: string
  result: number | null
  credits: string | null
  kopecks: string | null
  detail: string
}
const lossesOf = async (id: OrderId): Promise<Row[]> => {
  const rows = await storage.rows<Row>(
    'select cause, result, credits, kopecks, detail from losses where order_id = $1 order by id',
    [id],
  )
  return rows.map((row) => ({ ...row, kopecks: row.kopecks === null ? null : String(row.kopecks) }))
}
const whole = { result: null, kopecks: String(priceKopecks) }

async function generating(ordered = 1) {
  const { id, person } = await shop.places({ ordered })
  const task = kieTaskId(`task-${id}`)
  await shop.record(id, { type: 'submit_begun', at: clock.now() })
  await shop.record(id, { type: 'submit_accepted', task, at: clock.now() })
  return { id, person, task }
}

async function delivering({ made, ordered = made, credits }: { made: number; ordered?: number; credits?: string }) {
  const placed = await generating(ordered)
  await shop.record(placed.id, {
    type: 'task_succeeded',
    task: placed.task,
    artifacts: Array.from({ length: made }, (_, n) => `https://files.kie.test/${n}.png?secret=1`),
    ...(credits === undefined ? {} : { credits }),
    at: clock.now(),
  })
  return placed
}
const sent = (index: number): Observation => ({
  type: 'artifact_delivered',
  index,
  sent: { state: 'sent', file: fileId(`file-${index}`), as: 'photo', message: messageId(index + 1) },
  at: clock.now(),
})
const refused = (index: number, reason: LossReason, detail = `files.kie.test: ${reason}`): Observation => ({
  type: 'artifact_refused',
  index,
  reason,
  detail,
  at: clock.now(),
})
/** Of the ten roubles that everybody begins with, the price is held. */
const givenBack = async (person: PersonId) => (await shop.balance(person)) - (1000 - priceKopecks)

describe('an order that ends before anything was made', () => {
  it('failed at KIE is a loss with the credits that the record names, and its words', async () => {
    const { id, task } = await generating()
    const watch = shop.watches({
      look: async () => ({
        kind: 'done',
        value: { state: 'failed', reason: 'generation_failed', detail: '500 internal error', credits: '12.5' },
      }),
    })
    await watch(id)
    const detail = `KIE said of task ${task}: 500 internal error`
    assert.deepEqual(await lossesOf(id), [{ cause: 'task_failed', ...whole, credits: '12.5', detail }])
  })

  it('stopped by content rules is a loss only if credits were taken for it', async () => {
    const failed = { type: 'task_failed', reason: 'moderated', detail: '400 nsfw', at: clock.now() } as const
    const [free, paid] = [await generating(), await generating()]
    await shop.record(free.id, { ...failed, credits: '0' })
    await shop.record(paid.id, { ...failed, credits: '3' })
    assert.deepEqual(await lossesOf(free.id), [])
    assert.deepEqual(await lossesOf(paid.id), [{ cause: 'task_moderated', ...whole, credits: '3', detail: '400 nsfw' }])
  })

  it('called a success that stays empty is a loss of its own', async () => {
    const { id } = await generating()
    const empty = { type: 'task_made_nothing', detail: 'KIE named no result' } as const
    await shop.record(id, { ...empty, at: clock.now() })
    assert.deepEqual(await lossesOf(id), [])
    await clock.advance(2 * 60_000)
    await shop.record(id, { ...empty, at: clock.now() })
    assert.deepEqual(await lossesOf(id), [{ cause: 'task_empty', ...whole, credits: null, detail: empty.detail }])
  })

  it('without an answer to the submit tells at its deadline how that call had ended', async () => {
    const { id } = await shop.places()
    const submit = shop.submits({ submit: async () => unknown('KIE gave no answer: api.kie.test closed\0 it') })
    await submit(id)
    assert.deepEqual(await lossesOf(id), [])
    await clock.advance(offer.deadlines.uncertainMs)
    await shop.record(id, { type: 'deadline_passed', at: clock.now(), limits: offer.deadlines })
    const detail = 'KIE gave no answer: api.kie.test closed it'
    assert.deepEqual(await lossesOf(id), [{ cause: 'task_unanswered', ...whole, credits: null, detail }])
  })

  it('that cannot be looked at until its deadline tells what the last look met', async () => {
    const looks = [
      [unknown('KIE gave no answer: api.kie.test reset'), 'KIE gave no answer: api.kie.test reset'],
      [{ kind: 'done', value: { state: 'not_found' } }, 'KIE does not know task'],
      [{ kind: 'done', value: { state: 'unrecognized', raw: '{"state":"new"}' } }, 'nobody described: {"state":"new"}'],
    ] as const
    for (const [outcome, words] of looks) {
      const { id } = await generating()
      await clock.advance(offer.deadlines.lostMs)
      await shop
        .watches({ look: async () => outcome })(id)
        .catch((error: unknown) => assert.match(String(error), /nobody described/))
      const [loss] = await lossesOf(id)
      assert.equal(loss?.cause, 'task_silent')
      assert.ok(loss.detail.includes(words), loss.detail)
    }
  })

  it('silent past its deadline is a loss', async () => {
    const { id, task } = await generating()
    await clock.advance(offer.deadlines.lostMs)
    await shop.record(id, { type: 'deadline_passed', at: clock.now(), limits: offer.deadlines })
    const detail = `task ${task} was last seen as "waiting"`
    assert.deepEqual(await lossesOf(id), [{ cause: 'task_silent', ...whole, credits: null, detail }])
  })

  it('refused by KIE costs no credits and says what KIE said', async () => {
    for (const [why, cause] of [
      ['inputs_refused', 'inputs_refused'],
      ['input_lost', 'input_lost'],
      ['model_gone', 'not_bought'],
    ] as const) {
      const { id } = await shop.places()
      await shop.submits({ submit: async () => never(why, `createTask: KIE answered 4xx ${why}`) })(id)
      const detail = `createTask: KIE answered 4xx ${why}`
      assert.deepEqual(await lossesOf(id), [{ cause, ...whole, credits: '0', detail }])
    }
  })

  it('whose input was lost names the host that lost it', async () => {
    const { id } = await shop.places({ photos: 1 })
    await shop.submits({}, { fetchFile: async () => never('gone', 'api.telegram.test answered HTTP 404') })(id)
    const detail = 'api.telegram.test answered HTTP 404'
    assert.deepEqual(await lossesOf(id), [{ cause: 'input_lost', ...whole, credits: '0', detail }])
  })

  it('cancelled, or refused by content rules before anything was taken, is none', async () => {
    const [cancelled, moderated] = [await shop.places(), await shop.places()]
    await shop.record(cancelled.id, { type: 'cancel_asked', at: clock.now() })
    await shop.submits({ submit: async () => never('moderated', 'createTask: KIE answered 400 nsfw') })(moderated.id)
    for (const { id } of [cancelled, moderated]) {
      assert.equal((await shop.order(id)).status, 'released')
      assert.deepEqual(await lossesOf(id), [])
    }
  })
})

describe('a result that could not be brought', () => {
  it('is a loss of its share, and the losses of an order are what was given back of it', async () => {
    const { id, person } = await delivering({ made: 3, ordered: 4, credits: '9' })
    await shop.record(id, sent(0))
    await shop.record(id, refused(1, 'too_big'))
    await shop.record(id, refused(2, 'gone'))
    await clock.advance(hourMs)
    await shop.record(id, refused(2, 'gone', 'https://files.kie.test answered HTTP 410'))
    const losses = await lossesOf(id)
    assert.deepEqual(
      losses.map(({ cause, result, credits, detail }) => ({ cause, result, credits, detail })),
      [
        { cause: 'result_missing', result: null, credits: null, detail: `KIE made 3 of 4 (task task-${id})` },
        { cause: 'result_too_big', result: 2, credits: '3', detail: 'files.kie.test: too_big' },
        { cause: 'result_gone', result: 3, credits: '3', detail: 'https://files.kie.test answered HTTP 410' },
      ],
    )
    assert.equal((await shop.order(id)).status, 'completed')
    const lost = losses.reduce((sum, { kopecks }) => sum + Number(kopecks), 0)
    assert.equal(lost, await givenBack(person))
  })

  for (const reason of ['gone', 'not_a_picture', 'forbidden', 'unreachable', 'too_big', 'refused'] as const) {
    it(`because it is ${reason} is a loss of that cause, once, also when it is refused again as a gift`, async () => {
      const { id, person } = await delivering({ made: 1 })
      await shop.record(id, refused(0, reason))
      await clock.advance(6 * hourMs)
      await shop.record(id, refused(0, reason))
      await shop.record(id, refused(0, reason))
      const detail = `files.kie.test: ${reason}`
      assert.deepEqual(await lossesOf(id), [
        { cause: `result_${reason}`, result: 1, credits: null, kopecks: String(priceKopecks), detail },
      ])
      assert.equal(await givenBack(person), priceKopecks)
    })
  }

  it('at the deadline with all others is worth what the price loses by it, to the kopeck', async () => {
    const { id, person } = await delivering({ made: 3, ordered: 7 })
    await clock.advance(8 * 24 * hourMs)
    await shop.record(id, { type: 'deadline_passed', at: clock.now(), limits: offer.deadlines })
    assert.deepEqual(
      (await lossesOf(id)).map(({ cause, kopecks }) => [cause, kopecks]),
      [
        ['result_missing', '172'],
        ['result_late', '43'],
        ['result_late', '43'],
        ['result_late', '42'],
      ],
    )
    assert.equal(await givenBack(person), priceKopecks)
  })

  it('until the deadline of its order is late; one that is kept for somebody who is away is paid and no loss', async () => {
    const [late, kept] = [await delivering({ made: 2 }), await delivering({ made: 2 })]
    await shop.record(kept.id, { type: 'delivery_kept_too_long', at: clock.now() })
    await shop.record(late.id, sent(0))
    await clock.advance(8 * 24 * hourMs)
    await shop.record(late.id, { type: 'deadline_passed', at: clock.now(), limits: offer.deadlines })
    const half = String(priceKopecks / 2)
    assert.deepEqual(await lossesOf(late.id), [
      { cause: 'result_late', result: 2, credits: null, kopecks: half, detail: 'from https://files.kie.test' },
    ])
    assert.deepEqual(await lossesOf(kept.id), [])
    await shop.record(kept.id, refused(0, 'too_big'))
    assert.deepEqual(await lossesOf(kept.id), [], 'it stays paid')
    await shop.record(kept.id, refused(1, 'too_big'))
    assert.equal((await shop.order(kept.id)).status, 'refunded')
    assert.deepEqual(
      (await lossesOf(kept.id)).map(({ result, kopecks }) => [result, kopecks]),
      [
        [1, half],
        [2, half],
      ],
    )
  })
})

describe('a loss', () => {
  it('of five that learn the same at once is one, told once', async () => {
    const { id } = await generating()
    const failed = { type: 'task_failed', reason: 'generation_failed', detail: '500', at: clock.now() } as const
    await Promise.all(Array.from({ length: 5 }, () => shop.record(id, failed)))
    assert.equal((await lossesOf(id)).length, 1)
    assert.equal(shop.fieldsOf('LOSS_RECORDED').filter((fields) => fields['order_id'] === id).length, 1)
  })

  it('is not written and not told when its step is undone', async () => {
    const { id } = await generating()
    const told = shop.fieldsOf('LOSS_RECORDED').length
    const undone = storage.store.transact(storage.permit, async (tx) => {
      const order = await tx.orders.lock(id)
      assert.ok(order)
      const failed = { type: 'task_failed', reason: 'generation_failed', detail: '500', at: clock.now() } as const
      await applyObservation(tx, order, failed, clock, { add: () => {} })
      throw new Error('the step breaks')
    })
    await assert.rejects(undone, /the step breaks/)
    assert.deepEqual(await lossesOf(id), [])
    assert.equal(shop.fieldsOf('LOSS_RECORDED').length, told)
  })

  it('without an order is known by its story, cause and words, whatever characters these have', async () => {
    const loss = {
      cause: 'message_refused',
      cid: cid('00ff00ff'),
      at: clock.now(),
      detail: 'sendInvoice: \0\ud800',
    } as const
    const add = (more: { detail?: string } = {}) =>
      storage.store.transact(storage.permit, (tx) => tx.losses.add({ ...loss, ...more }))
    assert.deepEqual(await Promise.all([add(), add()]).then((each) => each.sort()), [false, true])
    assert.equal(await add({ detail: 'editMessageText: Bad Request' }), true)
  })

  it('that was recorded is never changed or removed', async () => {
    await assert.rejects(storage.rows("update losses set cause = 'other'"), /stays/)
    await assert.rejects(storage.rows('delete from losses'), /stays/)
  })
})

describe('the story of an order', () => {
  const chaptersOf = async (id: OrderId) => {
    const chapters = await readStory(sqlOf(storage.database.work), storage.schema, shop.story)
    return chapters.filter(({ what, detail }) => what !== 'errand' && detail.includes(id))
  }

  it('names what the other side said while a result is looked for, and when it is lost', async () => {
    const { id } = await delivering({ made: 2 })
    await shop.record(id, sent(0))
    await shop.record(id, refused(1, 'gone', 'https://files.kie.test answered HTTP 404'))
    const at = clock.now()
    const looking = (await chaptersOf(id)).filter(({ what }) => what === 'result')
    const detail = `2 of ${id} is looked for: https://files.kie.test answered HTTP 404`
    assert.deepEqual(looking, [{ at, what: 'result', detail }])
    await clock.advance(hourMs)
    await shop.record(id, refused(1, 'gone', 'https://files.kie.test answered HTTP 410'))
    const ended = await chaptersOf(id)
    assert.deepEqual(
      ended.filter(({ what }) => what === 'result' || what === 'loss').map(({ what, detail }) => [what, detail]),
      [['loss', `result_gone order=${id} result=2 kopecks=150 said=https://files.kie.test answered HTTP 410`]],
    )
  })

  it('names it also where nothing was lost', async () => {
    const { id } = await shop.places()
    await shop.submits({ submit: async () => never('moderated', 'createTask: KIE answered 400 nsfw') })(id)
    const [order] = (await chaptersOf(id)).filter(({ what }) => what === 'order')
    assert.match(order?.detail ?? '', /status=released reason=moderated said=createTask: KIE answered 400 nsfw$/)
  })
})
