import type { Instant } from '../kit/clock.ts'
import { foreignWords } from '../kit/foreign-words.ts'
import type { FileId, KieTaskId, MessageId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { type Kopecks, shareOf } from '../money/amount.ts'
import { awaitedMs, deadlineOf, emptyBelievedMs, lookedForMs, type OfferDeadlines } from './deadlines.ts'
import {
  type Artifact,
  type ArtifactUrl,
  isLookedFor,
  isProduced,
  type LossReason,
  type Order,
  type OrderBase,
  orderedOf,
  type Produced,
  type ReleaseReason,
  type SentArtifact,
  type Stage,
  sentOf,
  type Taken,
} from './order.ts'

/** Everything that can be learned about an order. Each says only what was seen; what follows is decided here. */
export type Observation =
  | { readonly type: 'submit_begun'; readonly at: Instant }
  /** The world does not let it begin; nothing of it is the order's fault. */
  | { readonly type: 'submit_held'; readonly at: Instant }
  | { readonly type: 'submit_postponed' }
  | { readonly type: 'submit_accepted'; readonly task: KieTaskId; readonly at: Instant }
  | ({ readonly type: 'submit_refused'; readonly reason: ReleaseReason; readonly at: Instant } & Said)
  | ({ readonly type: 'submit_unanswered'; readonly at: Instant } & Said)
  | { readonly type: 'task_moved'; readonly stage: Stage }
  | {
      readonly type: 'task_succeeded'
      readonly task: KieTaskId
      readonly artifacts: readonly ArtifactUrl[]
      readonly credits?: string
      readonly at: Instant
    }
  /** KIE called it a success, with an empty list of results. */
  | ({ readonly type: 'task_made_nothing'; readonly at: Instant } & Said)
  | ({
      readonly type: 'task_failed'
      readonly reason: ReleaseReason
      /** What KIE took all the same, a decimal string, when it said so. */
      readonly credits?: string
      readonly at: Instant
    } & Said)
  /** It is `at`; `limits` are the offer's, absent when the offer is gone. Nothing happens before the deadline. */
  | ({ readonly type: 'deadline_passed'; readonly at: Instant; readonly limits?: OfferDeadlines | undefined } & Said)
  /** `index` is the artifact's place in the list that KIE gave, from 0. */
  | { readonly type: 'artifact_delivered'; readonly index: number; readonly sent: SentArtifact; readonly at: Instant }
  /** It could not be fetched now, or Telegram took it in no form. */
  | ({
      readonly type: 'artifact_refused'
      readonly index: number
      readonly reason: LossReason
      readonly at: Instant
    } & Said)
  | { readonly type: 'original_sent'; readonly index: number; readonly file: FileId }
  /** The message after the artifacts; `message` is undefined when Telegram did not take it. */
  | { readonly type: 'receipt_shown'; readonly message?: MessageId; readonly sent: number; readonly isFinal: boolean }
  | { readonly type: 'delivery_kept_too_long'; readonly at: Instant }
  | { readonly type: 'cancel_asked'; readonly at: Instant }
  | { readonly type: 'refund_asked'; readonly at: Instant }
  | { readonly type: 'progress_shown'; readonly message: MessageId }
  /** Telegram refused the progress for good, in its words. */
  | { readonly type: 'progress_not_shown'; readonly why: string }

/** The outside cause for operators (host, code, words), which no person reads. */
type Said = { readonly detail?: string }

/** What must be written together with the next state. */
export type Effect =
  | { readonly type: 'release_hold' }
  /** All of the hold, or the stated part of it; the rest is given back. */
  | { readonly type: 'capture_hold'; readonly amount?: Kopecks }
  | { readonly type: 'refund_captured' }
  | { readonly type: 'watch' }
  | { readonly type: 'deliver' }
  | { readonly type: 'show_progress' }

export type Decision = 'ignored' | { readonly next: Order; readonly effects: readonly Effect[] }

/**
 * The only place that chooses the next state of an order. Pure: no clock, no I/O. Repeats and late observations are
 * `ignored`, never an error. Money moves only by the effects here: the hold is released or captured exactly once.
 */
export function decide(order: Order, seen: Observation): Decision {
  switch (seen.type) {
    case 'submit_begun':
      if (order.status !== 'placed') return 'ignored'
      return to({ ...base(order), status: 'submitting', since: seen.at })
    case 'submit_held':
      if (order.status !== 'placed') return 'ignored'
      // Looked at every few seconds by many orders, it is written down now and then.
      if (order.heldAt !== undefined && seen.at - order.heldAt < heldNoteMs) return 'ignored'
      return to({ ...order, heldAt: seen.at })
    case 'submit_postponed':
      if (order.status !== 'submitting') return 'ignored'
      return to({ ...base(order), status: 'placed' })
    case 'submit_accepted':
      if (order.status !== 'submitting' && order.status !== 'uncertain') return 'ignored'
      return to(
        { ...base(order), status: 'generating', task: seen.task, submittedAt: seen.at, stage: 'waiting' },
        'watch',
        'show_progress',
      )
    case 'submit_refused':
      if (order.status !== 'submitting') return 'ignored'
      return release(order, seen.reason, seen.at, seen.detail)
    case 'submit_unanswered':
      // Asking again could start a second paid task; the callback that carries our reference, or the deadline, decides.
      if (order.status !== 'submitting') return 'ignored'
      return becomeUncertain(order, seen.at, seen.detail)
    case 'task_moved':
      if (order.status !== 'generating' || order.stage === seen.stage) return 'ignored'
      return to({ ...order, stage: seen.stage }, 'show_progress')
    case 'task_succeeded':
      return succeed(order, seen)
    case 'task_made_nothing':
      if (order.status !== 'generating') return 'ignored'
      if (order.emptySince === undefined) return to({ ...order, emptySince: seen.at })
      if (seen.at - order.emptySince < emptyBelievedMs) return 'ignored'
      return release(order, 'generation_failed', seen.at, seen.detail)
    case 'task_failed':
      if (order.status !== 'generating') return 'ignored'
      return release(order, seen.reason, seen.at, seen.detail)
    case 'deadline_passed':
      return passDeadline(order, seen)
    case 'artifact_delivered':
      return withArtifact(order, seen.index, seen.at, ({ url, state }) =>
        state === 'sent' ? undefined : { url, ...seen.sent },
      )
    case 'artifact_refused':
      return withArtifact(order, seen.index, seen.at, (artifact) => refuse(artifact, seen))
    case 'original_sent':
      return withOriginal(order, seen.index, seen.file)
    case 'receipt_shown': {
      if (!isProduced(order)) return 'ignored'
      const { type: _type, ...receipt } = seen
      const { receipt: before } = order
      const isKnown = before?.sent === receipt.sent && before.isFinal === receipt.isFinal
      return isKnown && before.message === receipt.message ? 'ignored' : to({ ...order, receipt })
    }
    case 'delivery_kept_too_long':
      // The person blocked the bot. What was made is kept for them; after the stated days it is paid.
      if (order.status !== 'delivering') return 'ignored'
      return complete(order, order.artifacts.filter(({ state }) => state !== 'lost').length, seen.at)
    case 'cancel_asked':
      if (order.status === 'placed') return release(order, 'cancelled', seen.at)
      // Nothing a person does after the submit has begun gives money back; they are told so, and left in peace.
      if (order.quiet || !isRunning(order)) return 'ignored'
      return to({ ...order, quiet: true }, 'show_progress')
    case 'refund_asked':
      if (order.status !== 'completed') return 'ignored'
      return refund(order, seen.at)
    case 'progress_shown': {
      if (order.progressMessage === seen.message && order.notShown === undefined) return 'ignored'
      const { notShown: _, ...rest } = order
      return to({ ...rest, progressMessage: seen.message })
    }
    case 'progress_not_shown':
      return order.notShown === foreignWords(seen.why) ? 'ignored' : to({ ...order, notShown: foreignWords(seen.why) })
    default:
      return unreachable(seen, 'decide')
  }
}

/** How long a note of a hold-up stays as good as new. */
const heldNoteMs = 2 * 60_000

const to = (next: Order, ...effects: readonly Effect['type'][]): Decision => ({
  next,
  effects: effects.map((type) => ({ type })),
})

function succeed(order: Order, seen: Extract<Observation, { type: 'task_succeeded' }>): Decision {
  const produced: Produced = {
    producedAt: seen.at,
    artifacts: seen.artifacts.map((url) => ({ url, state: 'waiting' })),
    ...(seen.credits === undefined ? {} : { credits: seen.credits }),
  }
  switch (order.status) {
    case 'uncertain':
    case 'generating': {
      if (isOfAnotherTask(order, seen.task)) return 'ignored'
      const taken: Taken =
        order.status === 'generating'
          ? { task: order.task, submittedAt: order.submittedAt }
          : { task: seen.task, submittedAt: order.since }
      return to({ ...base(order), ...taken, ...produced, status: 'delivering' }, 'deliver', 'show_progress')
    }
    case 'released':
      // The money went back already; what KIE made all the same is given away, once.
      if (order.gift !== 'none' || order.reason === 'undeliverable') return 'ignored'
      if (isOfAnotherTask(order, seen.task)) return 'ignored'
      return to({ ...order, ...produced, task: seen.task, gift: 'delivering' }, 'deliver', 'show_progress')
    case 'placed':
    case 'submitting':
    case 'delivering':
    case 'completed':
    case 'refunded':
      return 'ignored'
    default:
      return unreachable(order, 'succeed')
  }
}

/** An order that knows its task takes no result of another one, whoever mixed them up. */
const isOfAnotherTask = (order: Order, task: KieTaskId): boolean =>
  'task' in order && order.task !== undefined && order.task !== task

function passDeadline(
  order: Order,
  { at, limits, detail }: Extract<Observation, { type: 'deadline_passed' }>,
): Decision {
  const deadline = deadlineOf(order, limits)
  if (deadline === undefined || at < deadline) return 'ignored'
  switch (order.status) {
    case 'placed':
      return release(order, 'provider_unavailable', at, 'the deadline passed before KIE was asked')
    case 'submitting':
      return becomeUncertain(order, at, 'the process that asked KIE wrote down no answer')
    case 'uncertain':
      return release(order, 'never_confirmed', at, order.said)
    case 'generating':
      return release(order, 'lost', at, detail ?? `task ${order.task} was last seen as "${order.stage}"`)
    case 'delivering':
      return settle(order, at)
    case 'released':
      return to({ ...order, gift: sentOf(order).length > 0 ? 'delivered' : 'given_up' }, 'show_progress')
    case 'completed':
    case 'refunded':
      return 'ignored'
    default:
      return unreachable(order, 'passDeadline')
  }
}

const becomeUncertain = (order: Order, since: Instant, said: string | undefined): Decision =>
  to({ ...base(order), status: 'uncertain', since, ...saidAs(said) }, 'watch', 'show_progress')

type Delivering = Extract<Order, { status: 'delivering' }>

/** The order with one artifact changed, and what follows for its money. `change` gives undefined for no news. */
function withArtifact(
  order: Order,
  index: number,
  at: Instant,
  change: (artifact: Artifact) => Artifact | undefined,
): Decision {
  if (!isProduced(order)) return 'ignored'
  const before = order.artifacts[index]
  const changed = before === undefined ? undefined : change(before)
  if (changed === undefined) return 'ignored'
  const artifacts = order.artifacts.with(index, changed)
  switch (order.status) {
    case 'delivering': {
      const next = { ...order, artifacts }
      if (!artifacts.some(({ state }) => state === 'waiting')) return settle(next, at)
      return changed.state === 'waiting' ? to(next, 'show_progress') : to(next)
    }
    case 'completed': {
      const next = { ...order, artifacts }
      // Paid while it was kept for somebody who had blocked the bot, and then nothing of it could be brought.
      return artifacts.every(({ state }) => state === 'lost') ? refund(next, at) : to(next)
    }
    case 'released': {
      if (artifacts.some(isLookedFor)) return to({ ...order, artifacts })
      const gift = artifacts.some(({ state }) => state === 'sent') ? 'delivered' : 'given_up'
      return to({ ...order, artifacts, gift }, 'show_progress')
    }
    default:
      return unreachable(order, 'withArtifact')
  }
}

/** Looked for on and on after the first refusal, and lost when that has lasted too long or can never change. */
function refuse(
  artifact: Artifact,
  { reason, detail, at }: Extract<Observation, { type: 'artifact_refused' }>,
): Artifact | undefined {
  if (artifact.state !== 'waiting') return undefined
  const { url, refusedAt } = artifact
  const lost: Artifact = { url, state: 'lost', reason, lostAt: at }
  if (!isLookedFor(lost)) return lost
  if (refusedAt === undefined) return { url, state: 'waiting', refusedAt: at, ...saidAs(detail) }
  return at - refusedAt < (reason === 'unreachable' ? awaitedMs : lookedForMs) ? undefined : lost
}

/** The hold finds its end: what arrived is paid, the rest goes back. Should more of it still be found, it is a gift. */
function settle(order: Delivering, at: Instant): Decision {
  const arrived = sentOf(order).length
  if (arrived > 0) return complete(order, arrived, at)
  const { status: _status, ...made } = order
  const gift = order.artifacts.some(isLookedFor) ? 'delivering' : 'none'
  return to(
    { ...made, status: 'released', reason: 'undeliverable', releasedAt: at, gift },
    'release_hold',
    'show_progress',
  )
}

/** Captures the price of so many results; a free generation has no parts and is used up by the first of them. */
function complete(order: Delivering, results: number, at: Instant): Decision {
  const { price } = order
  const amount = price.unit === 'RUB' ? shareOf(price.kopecks, results, orderedOf(order)) : undefined
  const isPart = price.unit === 'RUB' && amount !== undefined && amount < price.kopecks
  return {
    next: { ...order, status: 'completed', completedAt: at, ...(isPart ? { paid: amount } : {}) },
    effects: [{ type: 'capture_hold', ...(isPart ? { amount } : {}) }, { type: 'show_progress' }],
  }
}

function refund(order: Extract<Order, { status: 'completed' }>, at: Instant): Decision {
  const { status: _status, completedAt: _completedAt, ...rest } = order
  return to({ ...rest, status: 'refunded', refundedAt: at }, 'refund_captured', 'show_progress')
}

function withOriginal(order: Order, index: number, file: FileId): Decision {
  if (!isProduced(order)) return 'ignored'
  const artifact = order.artifacts[index]
  if (artifact?.state !== 'sent' || artifact.original === file) return 'ignored'
  return to({ ...order, artifacts: order.artifacts.with(index, { ...artifact, original: file }) })
}

const saidAs = (said: string | undefined): { readonly said?: string } =>
  said === undefined ? {} : { said: foreignWords(said) }

function release(order: Order, reason: ReleaseReason, at: Instant, said?: string): Decision {
  const taken = 'task' in order && order.task !== undefined && order.submittedAt !== undefined
  return to(
    {
      ...base(order),
      ...(taken ? { task: order.task, submittedAt: order.submittedAt } : {}),
      status: 'released',
      reason,
      releasedAt: at,
      ...saidAs(said),
      gift: 'none',
    },
    'release_hold',
    'show_progress',
  )
}

const isRunning = (order: Order): boolean =>
  order.status === 'submitting' ||
  order.status === 'uncertain' ||
  order.status === 'generating' ||
  order.status === 'delivering'

function base(order: Order): OrderBase {
  const { id, person, chat, cid, offer, model, values, price, day, placedAt, heldAt, ordered } = order
  const { topic, progressMessage, notShown, quiet } = order
  return {
    id,
    person,
    chat,
    cid,
    offer,
    model,
    values,
    price,
    day,
    placedAt,
    ...(topic === undefined ? {} : { topic }),
    ...(heldAt === undefined ? {} : { heldAt }),
    ...(ordered === undefined ? {} : { ordered }),
    ...(progressMessage === undefined ? {} : { progressMessage }),
    ...(notShown === undefined ? {} : { notShown }),
    ...(quiet === undefined ? {} : { quiet }),
  }
}
