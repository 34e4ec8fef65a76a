import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Offer } from '../../src/catalog/offer.ts'
import {
  creditedView,
  invoiceTexts,
  progressView,
  receiptView,
  troubleView,
} from '../../src/conversation/order-views.ts'
import { nextProgressMs } from '../../src/conversation/progress-schedule.ts'
import { captionLengthMax, plain } from '../../src/conversation/rich.ts'
import type { OrderSeen } from '../../src/conversation/screen.ts'
import { textsFor } from '../../src/conversation/texts/texts-for.ts'
import type { View } from '../../src/conversation/view.ts'
import { after } from '../../src/kit/clock.ts'
import { cid, fileId, kieTaskId, messageId } from '../../src/kit/ids.ts'
import { generations, kopecks, type Price } from '../../src/money/amount.ts'
import type { Artifact, Order, ReleaseReason } from '../../src/orders/order.ts'
import { anOrder, catalog, noon } from './talk.ts'

const offer: Offer | undefined = catalog.offers[0]
const placed = anOrder('v1')
const sent = (name: string): Artifact => ({
  url: `https://example.com/${name}.png`,
  state: 'sent',
  file: fileId(name),
  as: 'photo',
  message: messageId(1),
})
const missing = (name: string): Artifact => ({
  url: `https://example.com/${name}.png`,
  state: 'waiting',
  refusedAt: noon,
})
const taken = { task: kieTaskId('t1'), submittedAt: noon }
const produced = {
  producedAt: noon,
  artifacts: [sent('1')],
}
const generating: Order = { ...placed, ...taken, status: 'generating', stage: 'generating' }
const free: Price = { unit: 'GEN', count: 1 }

const see = (order: Order, more: Partial<OrderSeen> = {}): OrderSeen => ({
  now: after(noon, 12_000),
  order,
  offer,
  texts: textsFor('ru'),
  ...more,
})
const text = (view: View): string => plain(view.text)
const labels = (view: View): readonly string[] => view.keyboard.flat().map(({ label }) => label)

const reasons: readonly ReleaseReason[] = [
  'cancelled',
  'inputs_refused',
  'moderated',
  'generation_failed',
  'provider_unavailable',
  'input_lost',
  'never_confirmed',
  'lost',
  'undeliverable',
]
const released = (reason: ReleaseReason, gift: 'none' | 'delivering' | 'delivered' = 'none'): Order => ({
  ...placed,
  status: 'released',
  reason,
  releasedAt: noon,
  gift,
})

describe('the progress message', () => {
  it('can be cancelled only while nothing was handed over', () => {
    assert.deepEqual(labels(progressView(see(placed))), ['✖️ Отменить'])
    const submitting = progressView(see({ ...placed, status: 'submitting', since: noon }))
    assert.deepEqual(labels(submitting), ['🔕 Не показывать ход'])
    assert.match(text(submitting), /отменить его нельзя: результат придёт сам и будет оплачен/)
  })

  it('tells the stage, the time so far, and the measured range of this model', () => {
    const shown = text(progressView(see(generating, { durations: { p50Ms: 20_000, p90Ms: 40_000 } })))
    assert.match(shown, /Рисую/)
    assert.match(shown, /Прошло 12\sс, обычно 20–40\sс/)
    assert.doesNotMatch(shown, /Дольше обычного/)
  })

  it('names no time while there are too few measurements', () => {
    assert.match(text(progressView(see(generating))), /точный срок не назову/)
  })

  it('says when it is late and that the result comes all the same', () => {
    const durations = { p50Ms: 20_000, p90Ms: 40_000 }
    const late = text(progressView(see(generating, { durations, now: after(noon, 60_000) })))
    assert.match(late, /Дольше обычного/)
  })

  it('tells an uncertain order until when it is found out', () => {
    const uncertain: Order = { ...placed, status: 'uncertain', since: noon }
    assert.match(text(progressView(see(uncertain, { now: after(noon, 5 * 60_000) }))), /за 10\sмин/)
  })

  it('keeps quiet when it was asked to', () => {
    const view = progressView(see({ ...generating, quiet: true }))
    assert.match(text(view), /Ход не показываю/)
    assert.doesNotMatch(text(view), /Прошло/)
  })

  it('ends in a short line', () => {
    const completed: Order = { ...placed, ...taken, ...produced, status: 'completed', completedAt: noon }
    assert.match(text(progressView(see(completed))), /Готово · 0,63/)
    assert.deepEqual(labels(progressView(see(completed))), [])
  })

  it('of a failure tells the reason, what came back, the code, and the ways on', () => {
    for (const reason of reasons) {
      const view = progressView(see(released(reason)))
      assert.equal(view.screen, 'result_error')
      assert.match(text(view), /Ничего не списано: 0,63\s₽ снова на балансе/, reason)
      assert.match(text(view), /Код: abc123ff/)
      assert.equal(labels(view).length, 3)
    }
    const paidFree: Order = {
      ...placed,
      price: free,
      status: 'released',
      reason: 'lost',
      releasedAt: noon,
      gift: 'none',
    }
    assert.match(text(progressView(see(paidFree))), /бесплатная генерация снова ваша/)
  })

  it('never speaks of a place in the queue, which nobody knows', () => {
    const queuing: Order = { ...placed, ...taken, status: 'generating', stage: 'queuing' }
    assert.doesNotMatch(text(progressView(see(queuing))), /\d+-[йя]|место/)
  })
})

describe('the schedule of the progress message', () => {
  const durations = { p50Ms: 20_000, p90Ms: 40_000 }

  it('edits after 3, 8, 16, 29, 50 and 84 seconds and then at most once a minute', () => {
    const marks: number[] = []
    let now = noon
    for (let edit = 0; edit < 9; edit++) {
      now = after(now, nextProgressMs(generating, now, { p50Ms: 1, p90Ms: 10 * 60_000 }))
      marks.push((now - noon) / 1000)
    }
    assert.deepEqual(marks, [3, 8, 16, 29, 50, 84, 139, 180, 240])
  })

  it('does not miss the moment at which it becomes late', () => {
    const now = after(noon, 50_000)
    assert.equal(nextProgressMs(generating, now, durations), 10_000)
  })

  it('edits ever more rarely while a result waits for somebody who blocked the bot', () => {
    const delivering: Order = { ...placed, ...taken, ...produced, status: 'delivering' }
    const marks: number[] = []
    for (let now = noon; now - noon < 7 * 24 * 3_600_000; ) {
      now = after(now, nextProgressMs(delivering, now, durations))
      marks.push((now - noon) / 60_000)
    }
    assert.deepEqual(marks.slice(0, 5), [10, 20, 40, 80, 160])
    assert.ok(marks.length <= 12, `${marks.length} edits in a week`)
  })

  it('tells something new at every edit, for hours', () => {
    let now = noon
    let before = text(progressView(see(generating, { now, durations })))
    while (now - noon < 6 * 3_600_000) {
      const pauseMs = nextProgressMs(generating, now, durations)
      assert.ok(pauseMs > 0)
      now = after(now, pauseMs)
      const shown = text(progressView(see(generating, { now, durations })))
      assert.notEqual(shown, before, `${(now - noon) / 1000} s`)
      before = shown
    }
  })
})

describe('the result', () => {
  const completed: Order = { ...placed, ...taken, ...produced, status: 'completed', completedAt: noon }

  it('has a receipt with the price and what is left', () => {
    const paid = receiptView(see(completed, { balance: kopecks(11_87) }))
    assert.match(text(paid), /Оплачено 0,63\s₽, на балансе 11,87\s₽/)
    const forFree = receiptView(
      see({ ...completed, price: free }, { free: { today: generations(2), extra: generations(0) } }),
    )
    assert.match(text(forFree), /Бесплатно, осталось 2\sгенерации/)
    assert.deepEqual(labels(paid), ['🔄 Ещё раз', '✏️ Изменить и повторить', '📄 Оригинал файлом', '🏠 Меню'])
  })

  it('fits a caption, however long the prompt is, in both languages', () => {
    for (const language of ['ru', 'en'] as const) {
      const long: Order = { ...completed, values: { prompt: '👩‍👩‍👧‍👦'.repeat(700) } }
      const gift: Order = { ...long, status: 'released', reason: 'lost', releasedAt: noon, gift: 'delivering' }
      for (const order of [long, gift]) {
        const shown = receiptView(see(order, { texts: textsFor(language), balance: kopecks(1_000_000_00) }))
        assert.ok(text(shown).length <= captionLengthMax, `${text(shown).length}`)
      }
    }
  })

  it('of which a part is missing says what is looked for, and at the end what was paid and what went back', () => {
    const price: Price = { unit: 'RUB', kopecks: kopecks(30_00) }
    const order = { ...placed, ...taken, ...produced, price, ordered: 4 }
    const looking: Order = {
      ...order,
      status: 'delivering',
      artifacts: [sent('1'), missing('2'), sent('3'), sent('4')],
    }
    const receipt = text(receiptView(see(looking, { balance: kopecks(70_00) })))
    assert.match(
      receipt,
      /Пришло 3 из 4\.\nЕщё одну картинку ищу: её файл пока не открывается\. Спишу только за то, что придёт\.$/,
    )
    assert.match(text(progressView(see(looking))), /Пришло 3 из 4\./)
    const nothing: Order = { ...looking, artifacts: [missing('1')] }
    assert.match(text(progressView(see(nothing))), /файл пока не открывается.*не откроется — верну деньги/)
    const half: Order = {
      ...order,
      artifacts: [sent('1'), sent('2')],
      status: 'completed',
      completedAt: noon,
      paid: kopecks(15_00),
    }
    const settled = text(receiptView(see(half, { balance: kopecks(85_00) })))
    assert.match(settled, /Пришло 2 из 4\.\nОплачено 15\s₽, вернул 15\s₽, на балансе 85\s₽$/)
    assert.match(text(progressView(see(half))), /Готово · 15\s₽/)
    const english = text(receiptView(see(half, { texts: textsFor('en'), balance: kopecks(85_00) })))
    assert.match(english, /2 of 4 arrived\.\nPaid 15\s₽, 15\s₽ returned, balance 85\s₽$/)
  })

  it('that came after a release says that it is a gift', () => {
    const gift: Order = {
      ...placed,
      ...produced,
      status: 'released',
      reason: 'lost',
      releasedAt: noon,
      gift: 'delivering',
    }
    assert.match(text(receiptView(see(gift))), /Подарок/)
    assert.doesNotMatch(text(receiptView(see(gift))), /Оплачено/)
  })

  it('is drawn for a model that is not sold any more, without repeating it', () => {
    const view = receiptView(see(completed, { offer: undefined }))
    assert.match(text(view), /кот в скафандре/)
    assert.deepEqual(labels(view), ['📄 Оригинал файлом', '🏠 Меню'])
  })
})

describe('what the service says first', () => {
  it('names the code of a fault, and the way back to a draft that waited for money', () => {
    for (const language of ['ru', 'en'] as const) {
      const texts = textsFor(language)
      assert.match(text(troubleView(texts, cid('abc123ff'))), /abc123ff/)
      const draft = { id: 'd1', offer: placed.offer, values: {} }
      const credited = creditedView(texts, kopecks(100_00), kopecks(112_50), draft)
      assert.match(text(credited), /112[.,]50/)
      const [button] = credited.keyboard.flat()
      assert.ok(button && 'to' in button && button.to.at === 'confirm')
    }
  })

  it('fits an invoice', () => {
    for (const language of ['ru', 'en'] as const) {
      const { title, description, label } = invoiceTexts(textsFor(language), kopecks(50_000_00))
      assert.ok(title.length >= 1 && title.length <= 32)
      assert.ok(description.length >= 1 && description.length <= 255)
      assert.ok(label.length >= 1 && label.length <= 64)
    }
  })
})
