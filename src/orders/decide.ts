import type { Instant } from '../kit/clock.ts'
import type { KieTaskId, MessageId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { deadlineOf, emptyBelievedMs, type OfferDeadlines } from './deadlines.ts'
import type { ArtifactUrl, Delivered, Order, OrderBase, Produced, ReleaseReason, Stage, Taken } from './order.ts'

/** Everything that can be learned about an order. Each says only what was seen; what follows is decided here. */
export type Observation =
  | { readonly type: 'submit_begun'; readonly at: Instant }
  | { readonly type: 'submit_postponed' }
  | { readonly type: 'submit_accepted'; readonly task: KieTaskId; readonly at: Instant }
  | { readonly type: 'submit_refused'; readonly reason: ReleaseReason; readonly at: Instant }
  | { readonly type: 'submit_unanswered'; readonly at: Instant }
  | { readonly type: 'task_moved'; readonly stage: Stage }
  | {
      readonly type: 'task_succeeded'
      readonly task: KieTaskId
      readonly artifacts: readonly ArtifactUrl[]
      readonly credits?: string
      readonly at: Instant
    }
  /** KIE called it a success, with an empty list of results. */
  | { readonly type: 'task_made_nothing'; readonly at: Instant }
  | { readonly type: 'task_failed'; readonly reason: ReleaseReason; readonly at: Instant }
  /** It is `at`; `limits` are the offer's, absent when the offer is gone. Nothing happens before the deadline. */
  | { readonly type: 'deadline_passed'; readonly at: Instant; readonly limits?: OfferDeadlines | undefined }
  | { readonly type: 'artifact_delivered'; readonly artifact: Delivered; readonly at: Instant }
  | { readonly type: 'undeliverable'; readonly at: Instant }
  | { readonly type: 'delivery_kept_too_long'; readonly at: Instant }
  | { readonly type: 'cancel_asked'; readonly at: Instant }
  | { readonly type: 'refund_asked'; readonly at: Instant }
  | { readonly type: 'progress_shown'; readonly message: MessageId }

/** What must be written together with the next state. */
export type Effect =
  | { readonly type: 'release_hold' }
  | { readonly type: 'capture_hold' }
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
      return release(order, seen.reason, seen.at)
    case 'submit_unanswered':
      // Asking again could start a second paid task; the callback that carries our reference, or the deadline, decides.
      if (order.status !== 'submitting') return 'ignored'
      return becomeUncertain(order, seen.at)
    case 'task_moved':
      if (order.status !== 'generating' || order.stage === seen.stage) return 'ignored'
      return to({ ...order, stage: seen.stage }, 'show_progress')
    case 'task_succeeded':
      return succeed(order, seen)
    case 'task_made_nothing':
      if (order.status !== 'generating') return 'ignored'
      if (order.emptySince === undefined) return to({ ...order, emptySince: seen.at })
      return seen.at - order.emptySince < emptyBelievedMs ? 'ignored' : release(order, 'generation_failed', seen.at)
    case 'task_failed':
      if (order.status !== 'generating') return 'ignored'
      return release(order, seen.reason, seen.at)
    case 'deadline_passed':
      return passDeadline(order, seen)
    case 'artifact_delivered':
      return deliver(order, seen.artifact, seen.at)
    case 'undeliverable':
      // An album of which something arrived is captured; only one that arrived in no part is given back.
      if (order.status !== 'delivering' || order.delivered.length > 0) return 'ignored'
      return release(order, 'undeliverable', seen.at)
    case 'delivery_kept_too_long':
      // The person blocked the bot. The file was made and is kept; after the stated days it is paid.
      if (order.status !== 'delivering' || order.delivered.length > 0) return 'ignored'
      return to({ ...order, status: 'completed', completedAt: seen.at }, 'capture_hold')
    case 'cancel_asked':
      if (order.status === 'placed') return release(order, 'cancelled', seen.at)
      // Nothing a person does after the submit has begun gives money back; they are told so, and left in peace.
      if (order.quiet || !isRunning(order)) return 'ignored'
      return to({ ...order, quiet: true }, 'show_progress')
    case 'refund_asked':
      if (order.status !== 'completed') return 'ignored'
      return to({ ...refundable(order), status: 'refunded', refundedAt: seen.at }, 'refund_captured')
    case 'progress_shown':
      if (order.progressMessage === seen.message) return 'ignored'
      return to({ ...order, progressMessage: seen.message })
    default:
      return unreachable(seen, 'decide')
  }
}

const to = (next: Order, ...effects: readonly Effect['type'][]): Decision => ({
  next,
  effects: effects.map((type) => ({ type })),
})

function succeed(order: Order, seen: Extract<Observation, { type: 'task_succeeded' }>): Decision {
  const produced: Produced = {
    producedAt: seen.at,
    artifacts: seen.artifacts,
    delivered: [],
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
      return to({ ...order, ...produced, task: seen.task, gift: 'delivering' }, 'deliver')
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

function passDeadline(order: Order, { at, limits }: Extract<Observation, { type: 'deadline_passed' }>): Decision {
  const deadline = deadlineOf(order, limits)
  if (deadline === undefined || at < deadline) return 'ignored'
  switch (order.status) {
    case 'placed':
      return release(order, 'provider_unavailable', at)
    case 'submitting':
      return becomeUncertain(order, at)
    case 'uncertain':
      return release(order, 'never_confirmed', at)
    case 'generating':
      return release(order, 'lost', at)
    case 'delivering': {
      // What was made stays with the order: should it still arrive, it is a gift.
      const { status: _status, ...made } = order
      return to(
        { ...made, status: 'released', reason: 'undeliverable', releasedAt: at, gift: 'delivering' },
        'release_hold',
        'show_progress',
      )
    }
    case 'released':
      return to({ ...order, gift: 'given_up' })
    case 'completed':
    case 'refunded':
      return 'ignored'
    default:
      return unreachable(order, 'passDeadline')
  }
}

const becomeUncertain = (order: Order, since: Instant): Decision =>
  to({ ...base(order), status: 'uncertain', since }, 'watch', 'show_progress')

function deliver(order: Order, artifact: Delivered, at: Instant): Decision {
  if (order.status !== 'delivering' && order.status !== 'completed' && order.status !== 'released') return 'ignored'
  const before = order.delivered ?? []
  if (before.some((each) => each.index === artifact.index)) return 'ignored'
  const delivered = [...before, artifact]
  switch (order.status) {
    case 'delivering':
      // Captured when the first artifact is confirmed; the rest of an album goes on being sent.
      return to({ ...order, status: 'completed', completedAt: at, delivered }, 'capture_hold', 'show_progress')
    case 'completed':
      return to({ ...order, delivered })
    case 'released':
      if (order.gift === 'none') return 'ignored'
      return to({ ...order, delivered, gift: 'delivered' })
    default:
      return unreachable(order, 'deliver')
  }
}

function release(order: Order, reason: ReleaseReason, at: Instant): Decision {
  const taken = 'task' in order && order.task !== undefined && order.submittedAt !== undefined
  return to(
    {
      ...base(order),
      ...(taken ? { task: order.task, submittedAt: order.submittedAt } : {}),
      status: 'released',
      reason,
      releasedAt: at,
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
  const { id, person, chat, cid, offer, model, values, price, day, placedAt, progressMessage, quiet } = order
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
    ...(progressMessage === undefined ? {} : { progressMessage }),
    ...(quiet === undefined ? {} : { quiet }),
  }
}

function refundable(order: Extract<Order, { status: 'completed' }>): OrderBase & Taken & Produced {
  const { status: _status, completedAt: _completedAt, ...rest } = order
  return rest
}
