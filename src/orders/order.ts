import type { Values } from '../catalog/offer.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChatId, Cid, FileId, KieTaskId, MessageId, OfferId, OrderId, PersonId, TopicId } from '../kit/ids.ts'
import type { Kopecks, Price, ShopDay } from '../money/amount.ts'

/**
 * MAP: every state an order can be in.
 *
 *   placed ─► submitting ─► generating ─► delivering ─► completed ─► refunded
 *     │  ▲        │  │          │             │
 *     │  └────────┘  │          │             │      (KIE said "later": it has not taken the task)
 *     └──────────────┴──────────┴─────────────┴────► released   (hold given back, nothing charged)
 *                 └─► uncertain  ─► generating, or released at its deadline
 *
 * While an order is `delivering`, each artifact comes to its own end. The hold is settled once, when all have: the share
 * that arrived is captured and the rest given back (`completed`), or nothing arrived (`released`).
 *
 * An order exists only with a hold, so there is no "draft" here: a draft belongs to the wizard. What is late is
 * derived from the clock (`deadlines.ts`) and never stored.
 */
export type Order =
  | (OrderBase & { readonly status: 'placed' })
  | (OrderBase & { readonly status: 'submitting'; readonly since: Instant })
  | (OrderBase & {
      readonly status: 'uncertain'
      readonly since: Instant
      /** How the call to KIE ended, in words for operators. */
      readonly said?: string
    })
  | (OrderBase &
      Taken & {
        readonly status: 'generating'
        readonly stage: Stage
        /** KIE called it a success with an empty list of results since then. */
        readonly emptySince?: Instant
      })
  | (OrderBase & Taken & Produced & { readonly status: 'delivering' })
  | (OrderBase & Taken & Produced & Paid & { readonly status: 'completed'; readonly completedAt: Instant })
  | (OrderBase & Taken & Produced & Paid & { readonly status: 'refunded'; readonly refundedAt: Instant })
  | (OrderBase &
      Partial<Taken> &
      Partial<Produced> & {
        readonly status: 'released'
        readonly reason: ReleaseReason
        readonly releasedAt: Instant
        /** Why, as the other side said it, in words for operators. */
        readonly said?: string
        /** A success that came after the release is given away once. `given_up`: it could not be brought in time. */
        readonly gift: 'none' | 'delivering' | 'delivered' | 'given_up'
      })

export type OrderStatus = Order['status']

export type OrderBase = {
  readonly id: OrderId
  readonly person: PersonId
  readonly chat: ChatId
  /** The topic of the chat in which it was ordered. */
  readonly topic?: TopicId
  readonly cid: Cid
  readonly offer: OfferId
  /** KIE's model, kept so that an order can be read after its offer has changed. */
  readonly model: string
  readonly values: Values
  readonly price: Price
  /** How many results were ordered for the price, where the offer lets a person choose. */
  readonly ordered?: number
  readonly day: ShopDay
  readonly placedAt: Instant
  /** A state of the world did not let it begin then, to within minutes: our token, Telegram, the host of uploads. */
  readonly heldAt?: Instant
  /** The message that shows the progress; unknown until Telegram took it. */
  readonly progressMessage?: MessageId
  /** Why the message that shows the progress does not say how it stands: Telegram refused to show it. */
  readonly notShown?: string
  /** The person asked not to be shown progress any more; the result comes all the same. */
  readonly quiet?: boolean
}

/** KIE took the task. */
export type Taken = { readonly task: KieTaskId; readonly submittedAt: Instant }
export type Stage = 'waiting' | 'queuing' | 'generating'

/** KIE made it. */
export type Produced = {
  readonly producedAt: Instant
  /** In the order in which KIE named them. */
  readonly artifacts: readonly Artifact[]
  /** What KIE took for it, a decimal string, when it said so. */
  readonly credits?: string
  /** The message that follows the artifacts, as it was shown last. */
  readonly receipt?: Receipt
}
export type ArtifactUrl = string
/** One file that KIE made, and what became of it. */
export type Artifact = { readonly url: ArtifactUrl } & (
  | {
      readonly state: 'waiting'
      /** Since then it could not be fetched. */
      readonly refusedAt?: Instant
      /** Why, in words for operators. */
      readonly said?: string
    }
  | SentArtifact
  | { readonly state: 'lost'; readonly reason: LossReason; readonly lostAt: Instant }
)
/** Telegram took it. Sending `file` again is free and works for ever. */
export type SentArtifact = {
  readonly state: 'sent'
  readonly file: FileId
  readonly as: 'photo' | 'document'
  readonly message: MessageId
  /** The same without Telegram's compression, once somebody asked for it. */
  readonly original?: FileId
}
export type LossReason =
  /** The link is dead and no other could be had. */
  | 'gone'
  /** What came is no picture. */
  | 'not_a_picture'
  /** Its address is not a public one. */
  | 'forbidden'
  /** Its host gave no answer. */
  | 'unreachable'
  /** Larger than a bot may send. */
  | 'too_big'
  /** Telegram took it in no form. */
  | 'refused'

export type Receipt = {
  /** Undefined: Telegram did not take it. */
  readonly message?: MessageId
  /** The artifacts that it speaks of as sent. */
  readonly sent: number
  /** Whether it tells what became of the money. */
  readonly isFinal: boolean
}

/** What was captured, when it is less than the price. */
export type Paid = { readonly paid?: Kopecks }

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
  /** Made, and none of it could be fetched, or Telegram took none of it in any form. */
  | 'undeliverable'

export const isSettled = (order: Order): boolean =>
  order.status === 'completed' || order.status === 'released' || order.status === 'refunded'

/** An order of which something was made that is the person's to have, for money or as a gift. */
export type ProducedOrder =
  | Extract<Order, { status: 'delivering' | 'completed' }>
  | (Extract<Order, { status: 'released' }> & Produced)

export function isProduced(order: Order): order is ProducedOrder {
  if (order.status === 'released') return order.gift !== 'none' && order.artifacts !== undefined
  return order.status === 'delivering' || order.status === 'completed'
}

/** Whether this artifact may still be brought. One that was lost is looked for, unless nothing can change about it. */
export const isLookedFor = (artifact: Artifact): boolean =>
  artifact.state === 'waiting' ||
  (artifact.state === 'lost' && artifact.reason !== 'too_big' && artifact.reason !== 'refused')

/** The artifacts that Telegram took. */
export const sentOf = (order: Order): readonly (Artifact & SentArtifact)[] =>
  'artifacts' in order ? (order.artifacts ?? []).filter((each) => each.state === 'sent') : []

/** How many results the price was for. */
export const orderedOf = ({ ordered, artifacts }: Pick<OrderBase, 'ordered'> & Produced): number =>
  ordered ?? artifacts.length

/** What the person paid, or would pay for all of it. */
export const paidOf = (order: Order): Price =>
  'paid' in order && order.paid !== undefined ? { unit: 'RUB', kopecks: order.paid } : order.price

/** Whether the message that follows the artifacts is missing, or says what is not true any more. */
export function isReceiptDue(order: ProducedOrder): boolean {
  const sent = sentOf(order).length
  if (order.receipt === undefined) return sent > 0
  return order.receipt.sent !== sent || order.receipt.isFinal !== isSettled(order)
}

/** Something of it is still to be brought to the person. */
export const isOnItsWay = (order: Order): boolean =>
  isProduced(order) && (order.artifacts.some(isLookedFor) || isReceiptDue(order))
