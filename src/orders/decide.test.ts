import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { instant } from '../kit/clock.ts'
import { chatId, cid, fileId, kieTaskId, messageId, newOrderId, offerId, personId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { kopecks } from '../money/amount.ts'
import { shopDay } from '../money/shop-day.ts'
import { deadlineOf } from './deadlines.ts'
import { decide, type Effect, type Observation } from './decide.ts'
import { isOnItsWay, isSettled, type LossReason, type Order, sentOf } from './order.ts'

const at = instant(1_764_000_000_000)
const task = kieTaskId('task-1')
const otherTask = kieTaskId('task-2')

const placed: Order = {
  status: 'placed',
  id: newOrderId(),
  person: personId(42),
  chat: chatId(42),
  cid: cid('abc123ff'),
  offer: offerId('a-picture'),
  model: 'maker/a-picture',
  values: { prompt: 'a lighthouse' },
  price: { unit: 'RUB', kopecks: kopecks(629) },
  day: shopDay('2026-11-25'),
  placedAt: at,
}

const picture = (index: number): Observation => ({
  type: 'artifact_delivered',
  index,
  sent: { state: 'sent', file: fileId(`file-${index}`), as: 'photo', message: messageId(100 + index) },
  at,
})
const refusal = (index: number, reason: LossReason, afterMs = 0): Observation => ({
  type: 'artifact_refused',
  index,
  reason,
  at: instant(at + afterMs),
})
const hourMs = 3_600_000
const seen = {
  begun: { type: 'submit_begun', at },
  postponed: { type: 'submit_postponed' },
  accepted: { type: 'submit_accepted', task, at },
  refused: { type: 'submit_refused', reason: 'inputs_refused', at },
  unanswered: { type: 'submit_unanswered', at },
  moved: { type: 'task_moved', stage: 'generating' },
  succeeded: { type: 'task_succeeded', task, artifacts: ['https://kie.test/0.png', 'https://kie.test/1.png'], at },
  failed: { type: 'task_failed', reason: 'generation_failed', at },
  deadline: { type: 'deadline_passed', at: instant(at + 60 * 24 * 3_600_000) },
  delivered: picture(0),
  deliveredSecond: picture(1),
  broken: refusal(0, 'refused'),
  brokenSecond: refusal(1, 'too_big'),
  missing: refusal(0, 'gone'),
  stillMissing: refusal(0, 'gone', hourMs),
  silent: refusal(1, 'unreachable'),
  stillSilent: refusal(1, 'unreachable', 24 * hourMs),
  original: { type: 'original_sent', index: 0, file: fileId('an-original') },
  receipt: { type: 'receipt_shown', message: messageId(200), sent: 2, isFinal: true },
  unshown: { type: 'receipt_shown', sent: 1, isFinal: false },
  nothing: { type: 'task_made_nothing', at },
  stillNothing: { type: 'task_made_nothing', at: instant(at + 120_000) },
  kept: { type: 'delivery_kept_too_long', at },
  cancel: { type: 'cancel_asked', at },
  refund: { type: 'refund_asked', at },
  shown: { type: 'progress_shown', message: messageId(7) },
  notShown: { type: 'progress_not_shown', why: 'Bad Request: BUTTON_DATA_INVALID' },
} as const satisfies Record<string, Observation>

/** The order after these observations, and every effect that had to be written on the way. */
function after(...observations: readonly Observation[]): {
  readonly order: Order
  readonly effects: readonly string[]
} {
  let order = placed
  const effects: string[] = []
  for (const observation of observations) {
    const decision = decide(order, observation)
    if (decision === 'ignored') continue
    order = decision.next
    effects.push(...decision.effects.map(({ type }) => type))
  }
  return { order, effects }
}
const moneyIn = (effects: readonly string[]): readonly string[] =>
  effects.filter((type) => ['capture_hold', 'release_hold', 'refund_captured'].includes(type))

const money = (...observations: readonly Observation[]) => {
  const { order, effects } = after(...observations)
  return [order.status, ...moneyIn(effects)]
}

const { begun, postponed, accepted, refused, unanswered, succeeded, failed, deadline, delivered, kept } = seen
const { cancel, refund, deliveredSecond, moved, shown, broken, brokenSecond, missing, stillMissing } = seen
const { silent, stillSilent, original, receipt, nothing, stillNothing } = seen
/** Both pictures have come. */
const all = [begun, accepted, succeeded, delivered, deliveredSecond]
/** Neither of the two can ever be brought. */
const undeliverable = [broken, brokenSecond]

const four = ['0', '1', '2', '3'].map((n) => `https://kie.test/${n}.png`)
/** What was taken of the price, of four pictures that were ordered, after these ends. */
function captured(...ends: readonly Observation[]) {
  let order: Order = { ...placed, ordered: 4 }
  const taken: unknown[] = []
  for (const observation of [begun, accepted, { ...succeeded, artifacts: four }, ...ends]) {
    const decision = decide(order, observation)
    if (decision === 'ignored') continue
    order = decision.next
    for (const effect of decision.effects) {
      if (effect.type === 'capture_hold') taken.push(effect.amount ?? 'all')
      if (effect.type === 'release_hold') taken.push('released')
    }
  }
  return { order, taken }
}

describe('deciding what becomes of an order', () => {
  it('captures the hold once, when every artifact has come to its end', () => {
    assert.deepEqual(money(begun, accepted, succeeded), ['delivering'])
    assert.deepEqual(money(begun, accepted, succeeded, delivered), ['delivering'])
    assert.deepEqual(money(...all), ['completed', 'capture_hold'])
    const { order, effects } = after(...all, delivered, missing, stillMissing, broken)
    assert.deepEqual(moneyIn(effects), ['capture_hold'])
    assert.equal(sentOf(order).length, 2)
    assert.equal('paid' in order, false)
  })

  it('captures the share that arrived of what was ordered, whichever artifacts are dead', () => {
    const ends = [0, 1, 2, 3].map((index) => [refusal(index, 'gone'), refusal(index, 'gone', hourMs)])
    for (let dead = 0; dead < 16; dead++) {
      const isDead = (index: number) => (dead & (1 << index)) > 0
      const lost = ends.flatMap((each, index) => (isDead(index) ? each : []))
      const arrived = [0, 1, 2, 3].filter((index) => !isDead(index))
      const expected = { 0: 'released', 1: 157, 2: 314, 3: 471, 4: 'all' }[arrived.length]
      for (const order of [
        [...lost, ...arrived.map(picture)],
        [...arrived.map(picture), ...lost],
      ]) {
        assert.deepEqual(captured(...order).taken, [expected], `${arrived.length} of four`)
      }
    }
  })

  it('captures the share of what was ordered when KIE made fewer, and all of it when KIE made more', () => {
    const made = (artifacts: readonly string[], ordered: number) => {
      let order: Order = { ...placed, ordered }
      const taken: unknown[] = []
      const come = artifacts.map((_, index) => picture(index))
      for (const observation of [begun, accepted, { ...succeeded, artifacts }, ...come]) {
        const decision = decide(order, observation)
        assert.ok(decision !== 'ignored')
        order = decision.next
        for (const effect of decision.effects) if (effect.type === 'capture_hold') taken.push(effect.amount ?? 'all')
      }
      assert.equal('paid' in order && order.paid, taken[0] === 'all' ? false : taken[0])
      return taken
    }
    assert.deepEqual(made(four.slice(0, 2), 4), [314])
    assert.deepEqual(made(four.slice(0, 1), 4), [157])
    assert.deepEqual(made(four, 4), ['all'])
    assert.deepEqual(made(four, 2), ['all'])
  })

  it('waits an hour from the first refusal of an artifact, and a day for a host that is silent', () => {
    const waits = (reason: LossReason, ms: number) =>
      captured(picture(0), picture(1), picture(2), refusal(3, reason, 5), refusal(3, reason, 5 + ms)).taken
    for (const reason of ['gone', 'not_a_picture', 'forbidden'] as const) {
      assert.deepEqual(waits(reason, hourMs - 1), [])
      assert.deepEqual(waits(reason, hourMs), [471])
    }
    assert.deepEqual(waits('unreachable', 24 * hourMs - 1), [])
    assert.deepEqual(waits('unreachable', 24 * hourMs), [471])
    for (const reason of ['too_big', 'refused'] as const) assert.deepEqual(waits(reason, 0), [471])
  })

  it('takes what is found within that time for a result, and afterwards for a gift that moves no money', () => {
    const three = [picture(0), picture(1), picture(2)]
    assert.deepEqual(captured(refusal(3, 'gone'), ...three, picture(3)).taken, ['all'])
    const late = captured(refusal(3, 'gone'), ...three, refusal(3, 'gone', hourMs), picture(3))
    assert.deepEqual(late.taken, [471])
    assert.equal(sentOf(late.order).length, 4)
    const [gone, found] = [
      after(begun, accepted, succeeded, missing, broken),
      [missing, silent, stillMissing, stillSilent],
    ]
    assert.equal(gone.order.status, 'delivering')
    const nobody = after(begun, accepted, succeeded, ...found)
    assert.ok(nobody.order.status === 'released' && nobody.order.gift === 'delivering')
    const gift = after(begun, accepted, succeeded, ...found, delivered, deliveredSecond)
    assert.ok(gift.order.status === 'released' && gift.order.gift === 'delivered')
    assert.deepEqual(moneyIn(gift.effects), ['release_hold'])
  })

  it('tells the person once that something is looked for', () => {
    const before = after(begun, accepted, succeeded).order
    const first = decide(before, missing)
    assert.ok(first !== 'ignored')
    assert.deepEqual(first.effects, [{ type: 'show_progress' }])
    assert.equal(decide(first.next, refusal(0, 'gone', 5_000)), 'ignored')
  })

  it('is a gift on its way until nothing of it is looked for any more', () => {
    const half = after(begun, accepted, deadline, succeeded, delivered).order
    assert.ok(half.status === 'released' && half.gift === 'delivering')
    const whole = after(begun, accepted, deadline, succeeded, delivered, brokenSecond).order
    assert.ok(whole.status === 'released' && whole.gift === 'delivered')
    const none = after(begun, accepted, deadline, succeeded, ...undeliverable).order
    assert.ok(none.status === 'released' && none.gift === 'given_up')
  })

  it('takes the price of what came and of what is kept, and not of what was lost, from a person who blocked the bot', () => {
    assert.deepEqual(captured(picture(0), kept).taken, ['all'])
    assert.deepEqual(captured(picture(0), refusal(1, 'too_big'), kept).taken, [471])
    assert.deepEqual(captured(refusal(1, 'too_big'), refusal(2, 'too_big'), kept).taken, [314])
  })

  it('remembers the original of a picture that was sent, and of no other', () => {
    assert.equal(decide(after(begun, accepted, succeeded, deliveredSecond).order, original), 'ignored')
    const { order } = after(...all, original)
    assert.deepEqual(
      sentOf(order).map((each) => each.original),
      [fileId('an-original'), undefined],
    )
    assert.equal(decide(order, original), 'ignored')
  })

  it('uses a free generation up by the first picture that arrives', () => {
    const states: Order[] = [{ ...placed, price: { unit: 'GEN', count: 1 }, ordered: 2 }]
    for (const observation of [begun, accepted, succeeded, delivered, brokenSecond]) {
      const decision = decide(states.at(-1) ?? placed, observation)
      assert.ok(decision !== 'ignored')
      states.push(decision.next)
      if (decision.next.status === 'completed') {
        assert.deepEqual(decision.effects, [{ type: 'capture_hold' }, { type: 'show_progress' }])
      }
    }
    const end = states.at(-1)
    assert.ok(end?.status === 'completed' && !('paid' in end))
  })

  it('remembers the receipt that was shown, and knows when it is not true any more', () => {
    const early = after(begun, accepted, succeeded, delivered, seen.unshown)
    assert.equal(isOnItsWay(early.order), true)
    assert.equal(isOnItsWay(after(...all).order), true, 'the receipt is missing')
    assert.equal(isOnItsWay(after(...all, receipt).order), false)
  })

  it('believes an empty list of results after two minutes', () => {
    assert.deepEqual(money(begun, accepted, nothing), ['generating'])
    assert.deepEqual(money(begun, accepted, nothing, stillNothing), ['released', 'release_hold'])
    assert.deepEqual(money(begun, accepted, nothing, ...all), ['completed', 'capture_hold'])
  })

  it('gives back what was paid for a person who had blocked the bot when nothing of it can be brought any more', () => {
    const found = [missing, silent, stillMissing, stillSilent]
    const { order, effects } = after(begun, accepted, succeeded, kept, ...found)
    assert.equal(order.status, 'refunded')
    assert.deepEqual(moneyIn(effects), ['capture_hold', 'refund_captured'])
    assert.deepEqual(money(begun, accepted, succeeded, kept, ...found.slice(0, 3)), ['completed', 'capture_hold'])
  })

  it('gives the hold back when the person cancels before anything was submitted', () => {
    assert.deepEqual(money(cancel), ['released', 'release_hold'])
    assert.deepEqual(money(begun, postponed, cancel), ['released', 'release_hold'])
  })

  it('gives nothing back for a cancel after the submit has begun, and leaves the person in peace', () => {
    for (const way of [[begun], [begun, unanswered], [begun, accepted], [begun, accepted, succeeded]]) {
      const before = after(...way)
      const { order, effects } = after(...way, cancel)
      assert.equal(order.status, before.order.status)
      assert.equal(order.quiet, true)
      assert.deepEqual(moneyIn(effects), [])
    }
  })

  it('gives the hold back when KIE refuses, fails, stays silent, or Telegram takes the result in no form', () => {
    assert.deepEqual(money(begun, refused), ['released', 'release_hold'])
    assert.deepEqual(money(begun, accepted, failed), ['released', 'release_hold'])
    assert.deepEqual(money(begun, unanswered, deadline), ['released', 'release_hold'])
    assert.deepEqual(money(begun, accepted, deadline), ['released', 'release_hold'])
    assert.deepEqual(money(begun, accepted, succeeded, ...undeliverable), ['released', 'release_hold'])
  })

  it('gives the hold back exactly once when KIE reports the failure twice', () => {
    assert.deepEqual(money(begun, accepted, failed, failed), ['released', 'release_hold'])
  })

  it('neither submits again nor gives back when the answer to the submit was lost, until the deadline', () => {
    const { order, effects } = after(begun, unanswered, begun, cancel, failed, ...undeliverable)
    assert.equal(order.status, 'uncertain')
    assert.deepEqual(moneyIn(effects), [])
  })

  it('finds the task of a lost answer by what is seen later', () => {
    assert.deepEqual(money(begun, unanswered, accepted), ['generating'])
    assert.deepEqual(money(begun, unanswered, succeeded, delivered, deliveredSecond), ['completed', 'capture_hold'])
  })

  it('gives away once, and without money, what KIE made after the hold was given back', () => {
    const { order, effects } = after(begun, accepted, deadline, succeeded, succeeded, ...all.slice(3), delivered)
    assert.equal(order.status === 'released' && order.gift, 'delivered')
    assert.deepEqual(moneyIn(effects), ['release_hold'])
    assert.equal(effects.filter((type) => type === 'deliver').length, 1)
  })

  it('gives the hold back at the deadline of an order that was never submitted, or never delivered', () => {
    assert.deepEqual(money(deadline), ['released', 'release_hold'])
    assert.deepEqual(money(begun, postponed, deadline), ['released', 'release_hold'])
    assert.deepEqual(money(begun, accepted, succeeded, deadline), ['released', 'release_hold'])
  })

  it('asks nobody twice at the deadline of a submit: it is uncertain, and given back at the deadline of that', () => {
    const { order, effects } = after(begun, deadline)
    assert.ok(order.status === 'uncertain' && order.since === deadline.at)
    assert.deepEqual(effects, ['watch', 'show_progress'])
    const later: Observation = { ...deadline, at: instant(deadline.at + 15 * 60_000) }
    assert.deepEqual(money(begun, deadline, later), ['released', 'release_hold'])
  })

  it('takes a result that arrives after the deadline of its delivery for a gift, and gives one up in the end', () => {
    const late = after(begun, accepted, succeeded, deadline, delivered, deliveredSecond)
    assert.ok(late.order.status === 'released' && late.order.gift === 'delivered')
    assert.deepEqual(moneyIn(late.effects), ['release_hold'])
    const later: Observation = { ...deadline, at: instant(deadline.at + 14 * 24 * 3_600_000) }
    const { order, effects } = after(begun, accepted, succeeded, deadline, later, later)
    assert.ok(order.status === 'released' && order.gift === 'given_up')
    assert.deepEqual(moneyIn(effects), ['release_hold'])
  })

  it('waits as long for the task as its offer says', () => {
    const limits = { uncertainMs: 1_000, lostMs: 2_000 }
    const passed = (ms: number): Observation => ({ type: 'deadline_passed', at: instant(at + ms), limits })
    assert.deepEqual(money(begun, unanswered, passed(999)), ['uncertain'])
    assert.deepEqual(money(begun, unanswered, passed(1_000)), ['released', 'release_hold'])
    assert.deepEqual(money(begun, accepted, passed(1_999)), ['generating'])
    assert.deepEqual(money(begun, accepted, passed(2_000)), ['released', 'release_hold'])
  })

  it('does not send as a gift what Telegram did not take as a result', () => {
    const { order } = after(begun, accepted, succeeded, ...undeliverable)
    assert.ok(order.status === 'released' && order.gift === 'none')
    assert.deepEqual(decide(order, succeeded), 'ignored')
  })

  it('takes no result of another task', () => {
    const foreign = { ...succeeded, task: otherTask }
    assert.equal(decide(after(begun, accepted).order, foreign), 'ignored')
    assert.equal(decide(after(begun, accepted, deadline).order, foreign), 'ignored')
  })

  it('takes the price of a result that a person who blocked the bot did not fetch', () => {
    assert.deepEqual(money(begun, accepted, succeeded, kept), ['completed', 'capture_hold'])
    assert.deepEqual(money(begun, accepted, succeeded, kept, delivered), ['completed', 'capture_hold'])
  })

  it('takes nothing as delivered that was neither bought nor given away', () => {
    assert.equal(decide(after(begun, refused).order, delivered), 'ignored')
    assert.equal(decide(after(begun, accepted).order, delivered), 'ignored')
  })

  it('follows the stage of the task and shows it', () => {
    const { order, effects } = after(begun, accepted, moved)
    assert.equal(order.status === 'generating' && order.stage, 'generating')
    assert.deepEqual(effects, ['watch', 'show_progress', 'show_progress'])
    assert.equal(decide(after(begun).order, moved), 'ignored')
  })

  it('remembers which task made it, since when, and what KIE took for it', () => {
    const begunAt = instant(at + 5)
    const priced: Observation = { ...succeeded, credits: '4.5', at: instant(at + 9) }
    const known = after(begun, { ...accepted, at: begunAt }, priced).order
    const found = after({ ...begun, at: begunAt }, { ...unanswered, at: begunAt }, priced).order
    for (const order of [known, found]) {
      assert.ok(order.status === 'delivering')
      const { submittedAt, producedAt, credits } = order
      assert.deepEqual([order.task, submittedAt, producedAt, credits], [task, begunAt, instant(at + 9), '4.5'])
    }
    const lost = after(begun, { ...accepted, at: begunAt }, deadline).order
    assert.deepEqual(lost.status === 'released' && [lost.task, lost.submittedAt], [task, begunAt])
    assert.equal('task' in after(begun, unanswered, deadline).order, false)
    assert.equal('credits' in after(begun, accepted, succeeded).order, false)
  })

  it('keeps its progress message, and the wish to be left in peace, to the end', () => {
    for (const end of [[succeeded, delivered, deliveredSecond], [failed]]) {
      const { order } = after(shown, begun, accepted, cancel, ...end)
      assert.deepEqual([order.progressMessage, order.quiet], [messageId(7), true])
    }
    const { order } = after(begun, accepted)
    assert.ok(!('progressMessage' in order) && !('quiet' in order))
  })

  it('remembers that its message could not be drawn, across its states, until one could', () => {
    const { notShown } = seen
    assert.equal(after(begun, accepted, notShown, failed).order.notShown, notShown.why)
    assert.equal(after(begun, accepted, notShown, succeeded, ...undeliverable).order.notShown, notShown.why)
    assert.equal('notShown' in after(begun, accepted, notShown, failed, shown).order, false)
    assert.equal('notShown' in after(shown, begun, accepted, notShown, shown).order, false, 'the same message again')
  })

  it('refunds what was captured, once, and nothing else', () => {
    assert.deepEqual(money(...all, refund, refund), ['refunded', 'capture_hold', 'refund_captured'])
    for (const way of [[], [begun], [begun, accepted], [begun, accepted, succeeded], [begun, refused]]) {
      assert.equal(decide(after(...way).order, refund), 'ignored')
    }
  })
})

/** A hold, as the ledger keeps it: it throws where the ledger would have said "already". */
class HoldModel {
  state: 'open' | 'captured' | 'released' | 'refunded' = 'open'

  apply({ type }: Effect): void {
    if (type === 'capture_hold' || type === 'release_hold') {
      assert.equal(this.state, 'open', 'a hold is settled once')
      this.state = type === 'capture_hold' ? 'captured' : 'released'
    }
    if (type === 'refund_captured') {
      assert.equal(this.state, 'captured', 'only what was captured is refunded')
      this.state = 'refunded'
    }
  }
}

/** Where the money of an order in this state is. */
function moneyOf(order: Order): HoldModel['state'] {
  switch (order.status) {
    case 'completed':
      return 'captured'
    case 'released':
      return 'released'
    case 'refunded':
      return 'refunded'
    case 'placed':
    case 'submitting':
    case 'uncertain':
    case 'generating':
    case 'delivering':
      return 'open'
    default:
      return unreachable(order, 'moneyOf')
  }
}

const anything: readonly Observation[] = [
  ...Object.values(seen),
  { ...accepted, task: otherTask },
  { ...succeeded, task: otherTask, artifacts: [] },
  { type: 'task_moved', stage: 'queuing' },
  { type: 'progress_shown', message: messageId(8) },
]
/** What usually happens comes more often, so that long ways are walked as well. */
const observations = fc.array(
  fc.oneof(
    { arbitrary: fc.constantFrom(...anything), weight: 2 },
    { arbitrary: fc.constantFrom<Observation>(begun, accepted, succeeded, delivered), weight: 1 },
  ),
  { maxLength: 30 },
)
const holds = (claim: (seenOnes: readonly Observation[]) => void) =>
  fc.assert(fc.property(observations, claim), cases(2_000))

/** Walks through the observations and calls `look` after each that changed something. */
function walk(
  seenOnes: readonly Observation[],
  look: (step: {
    readonly before: Order
    readonly after: Order
    readonly seen: Observation
    readonly effects: readonly Effect[]
  }) => void,
): Order {
  let order = placed
  for (const observation of seenOnes) {
    const decision = decide(order, observation)
    if (decision === 'ignored') continue
    look({ before: order, after: decision.next, seen: observation, effects: decision.effects })
    order = decision.next
  }
  return order
}

describe('an order, whatever is seen in whatever order', () => {
  it('settles its hold at most once, and its state says where the money is', () => {
    holds((seenOnes) => {
      const hold = new HoldModel()
      walk(seenOnes, (step) => {
        for (const effect of step.effects) hold.apply(effect)
        assert.equal(hold.state, moneyOf(step.after))
      })
    })
  })

  it('gives money back and takes it for the stated reasons only', () => {
    holds((seenOnes) => {
      walk(seenOnes, ({ before, seen: { type }, effects }) => {
        const reason = `${type} while ${before.status}`
        for (const effect of moneyIn(effects.map((each) => each.type))) {
          assert.ok(reasons[effect]?.includes(reason), `${effect} because of ${reason}`)
        }
      })
    })
  })
  const reasons: Readonly<Record<string, readonly string[]>> = {
    release_hold: [
      'cancel_asked while placed',
      'deadline_passed while placed',
      'deadline_passed while delivering',
      'submit_refused while submitting',
      'task_failed while generating',
      'deadline_passed while uncertain',
      'deadline_passed while generating',
      'task_made_nothing while generating',
      'artifact_refused while delivering',
    ],
    capture_hold: [
      'artifact_delivered while delivering',
      'artifact_refused while delivering',
      'deadline_passed while delivering',
      'delivery_kept_too_long while delivering',
    ],
    refund_captured: ['refund_asked while completed', 'artifact_refused while completed'],
  }

  it('is submitted again only after KIE has said that it did not take it', () => {
    holds((seenOnes) => {
      let mayBegin = true
      walk(seenOnes, ({ before, after: next, seen: { type } }) => {
        if (next.status === 'submitting' && before.status !== 'submitting') {
          assert.ok(mayBegin, 'a second submit')
          mayBegin = false
        }
        if (type === 'submit_postponed') mayBegin = true
      })
    })
  })

  it('is moved by a deadline at that moment and not a millisecond before, in every state that waits', () => {
    holds((seenOnes) => {
      const order = walk(seenOnes, () => {})
      const passed = (moment: number): Observation => ({ type: 'deadline_passed', at: instant(moment) })
      const late = deadlineOf(order)
      const isOpen = !isSettled(order) || (order.status === 'released' && order.gift === 'delivering')
      assert.equal(late !== undefined, isOpen, 'whatever waits has a deadline, and nothing else')
      if (late === undefined) return assert.equal(decide(order, passed(Number.MAX_SAFE_INTEGER)), 'ignored')
      assert.equal(decide(order, passed(late - 1)), 'ignored')
      assert.notEqual(decide(order, passed(late)), 'ignored')
    })
  })

  it('has its message drawn anew by everything that ends it, or changes how it ended', () => {
    const endOf = (order: Order) =>
      !isSettled(order) ? 'none' : order.status === 'released' ? `${order.reason}, ${order.gift}` : order.status
    holds((seenOnes) => {
      walk(seenOnes, ({ before, after: next, seen: { type }, effects }) => {
        const isTold = effects.some((each) => each.type === 'show_progress')
        if (endOf(before) !== endOf(next)) assert.ok(isTold, `${type}: ${endOf(before)} → ${endOf(next)}`)
      })
    })
  })

  it('ignores the same thing seen twice', () => {
    holds((seenOnes) => {
      walk(seenOnes, ({ after: next, seen: observation }) => {
        assert.equal(decide(next, observation), 'ignored', observation.type)
      })
    })
  })

  it('ends by its deadlines alone, from every state', () => {
    holds((seenOnes) => {
      let order = walk(seenOnes, () => {})
      const before = order.status
      for (let late = deadlineOf(order); late !== undefined; late = deadlineOf(order)) {
        const decision = decide(order, { type: 'deadline_passed', at: late })
        assert.ok(decision !== 'ignored')
        order = decision.next
      }
      assert.ok(isSettled(order), `${before} ends in ${order.status}`)
    })
  })

  it('never runs again once it is settled, and is given away at most once', () => {
    holds((seenOnes) => {
      let deliveries = 0
      walk(seenOnes, ({ before, after: next, effects }) => {
        if (isSettled(before)) assert.ok(isSettled(next))
        deliveries += effects.filter(({ type }) => type === 'deliver').length
      })
      assert.ok(deliveries <= 1)
    })
  })

  it('keeps what was promised: who, what, and the price', () => {
    holds((seenOnes) => {
      const { id, person, chat, offer, values, price, day, placedAt } = walk(seenOnes, () => {})
      const { id: id0, person: person0, chat: chat0, offer: offer0, values: values0, price: price0 } = placed
      assert.deepEqual([id, person, chat, offer, values, price], [id0, person0, chat0, offer0, values0, price0])
      assert.deepEqual([day, placedAt], [placed.day, placed.placedAt])
    })
  })
})
