import type { Values } from '../catalog/offer.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChatId, Cid, FileId, KieTaskId, MessageId, OfferId, OrderId, PersonId } from '../kit/ids.ts'
import type { Price, ShopDay } from '../money/amount.ts'

/**
 * MAP: every state an order can be in.
 *
 *   placed ─► submitting ─► generating ─► delivering ─► completed ─► refunded
 *     │  ▲        │  │          │             │
 *     │  └────────┘  │          │             │      (KIE said "later": it has not taken the task)
 *     └──────────────┴──────────┴─────────────┴────► released   (hold given back, nothing charged)
 *                 └─► uncertain  ─► generating, or released at its deadline
 *
 * An order exists only with a hold, so there is no "draft" here: a draft belongs to the wizard. What is late is
 * derived from the clock (`deadlines.ts`) and never stored.
 */
export type Order =
  | (OrderBase & { readonly status: 'placed' })
  | (OrderBase & { readonly status: 'submitting'; readonly since: Instant })
  | (OrderBase & { readonly status: 'uncertain'; readonly since: Instant })
  | (OrderBase &
      Taken & {
        readonly status: 'generating'
        readonly stage: Stage
        /** KIE called it a success with an empty list of results since then. */
        readonly emptySince?: Instant
      })
  | (OrderBase & Taken & Produced & { readonly status: 'delivering' })
  | (OrderBase & Taken & Produced & { readonly status: 'completed'; readonly completedAt: Instant })
  | (OrderBase & Taken & Produced & { readonly status: 'refunded'; readonly refundedAt: Instant })
  | (OrderBase &
      Partial<Taken> &
      Partial<Produced> & {
        readonly status: 'released'
        readonly reason: ReleaseReason
        readonly releasedAt: Instant
        /** A success that came after the release is given away once. `given_up`: it could not be brought in time. */
        readonly gift: 'none' | 'delivering' | 'delivered' | 'given_up'
      })

export type OrderStatus = Order['status']

export type OrderBase = {
  readonly id: OrderId
  readonly person: PersonId
  readonly chat: ChatId
  readonly cid: Cid
  readonly offer: OfferId
  /** KIE's model, kept so that an order can be read after its offer has changed. */
  readonly model: string
  readonly values: Values
  readonly price: Price
  readonly day: ShopDay
  readonly placedAt: Instant
  /** The message that shows the progress; unknown until Telegram took it. */
  readonly progressMessage?: MessageId
  /** The person asked not to be shown progress any more; the result comes all the same. */
  readonly quiet?: boolean
}

/** KIE took the task. */
export type Taken = { readonly task: KieTaskId; readonly submittedAt: Instant }
export type Stage = 'waiting' | 'queuing' | 'generating'

/** KIE made it. */
export type Produced = {
  readonly producedAt: Instant
  readonly artifacts: readonly ArtifactUrl[]
  readonly delivered: readonly Delivered[]
  /** What KIE took for it, a decimal string, when it said so. */
  readonly credits?: string
}
export type ArtifactUrl = string
/** One artifact that Telegram took. Sending `file` again is free and works for ever. */
export type Delivered = {
  readonly index: number
  readonly file: FileId
  readonly as: 'photo' | 'document'
  readonly message: MessageId
}

export type ReleaseReason =
  /** By the person, before anything was sent to KIE. */
  | 'cancelled'
  /** KIE definitely said no to the inputs. */
  | 'inputs_refused'
  /** KIE's or the model's content rules. */
  | 'moderated'
  /** KIE took the task and failed. */
  | 'generation_failed'
  /** We cannot buy at KIE now (key, credits, maintenance). */
  | 'provider_unavailable'
  /** An input file was lost on the way. */
  | 'input_lost'
  /** No answer to the submit, and no callback until the deadline. */
  | 'never_confirmed'
  /** Taken, and silent past the deadline. */
  | 'lost'
  /** Made, and Telegram took it in no form. */
  | 'undeliverable'

export const isSettled = (order: Order): boolean =>
  order.status === 'completed' || order.status === 'released' || order.status === 'refunded'

/** Made, and on its way to the person. Telegram may show it, and its buttons, a moment before we know. */
export const isOnItsWay = (order: Order): boolean =>
  order.status === 'delivering' || (order.status === 'released' && order.gift === 'delivering')
