import type { View } from '../conversation/view.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChargeId, ChatId, Cid, MessageId, OrderId, PersonId, TopUpId } from '../kit/ids.ts'

/**
 * One thing to do outside, written down inside the step that wants it and carried out after its commit, again and
 * again until it is settled. The union is every kind there is.
 */
export type Errand =
  /** `person`: who tapped, and is told in a message what Telegram refuses as an answer. */
  | {
      readonly kind: 'answer_tap'
      readonly tap: string
      readonly text?: string
      readonly alert?: boolean
      readonly person?: PersonId
    }
  /** Draws where an order stands into its one progress message. */
  | { readonly kind: 'show_progress'; readonly order: OrderId; readonly chat: ChatId }
  /** Fetches a file a person sent, checks what it is, and tells the wizard. */
  | {
      readonly kind: 'take_file'
      readonly person: PersonId
      readonly chat: ChatId
      readonly fileId: string
      readonly uniqueId: string
      readonly message?: MessageId
      readonly revision: number
    }
  | { readonly kind: 'send_invoice'; readonly topUp: TopUpId; readonly chat: ChatId }
  | { readonly kind: 'submit_task'; readonly order: OrderId }
  /** `hint` is what a callback claimed; it is looked up at KIE and never believed. `calledAt`: a callback asked for it. */
  | { readonly kind: 'watch_task'; readonly order: OrderId; readonly hint?: string; readonly calledAt?: Instant }
  | { readonly kind: 'deliver'; readonly order: OrderId; readonly chat: ChatId }
  /**
   * Sends an artifact again; by its file id, when Telegram has it as wanted. Without `index`: becomes one errand for each
   * artifact, so that none is sent twice because of another.
   */
  | {
      readonly kind: 'send_again'
      readonly order: OrderId
      readonly chat: ChatId
      readonly as: 'photo' | 'document'
      readonly index?: number
    }
  /**
   * A message of its own: money arrived, an update could not be handled. `isLast`: it stands in for one that Telegram
   * refused, and nothing stands in for it.
   */
  | { readonly kind: 'say'; readonly chat: ChatId; readonly view: View; readonly isLast?: boolean }
  /** The keyboard of a former program goes with a message, which is deleted again; `text` is what it says meanwhile. */
  | { readonly kind: 'remove_keyboard'; readonly chat: ChatId; readonly text: string }
  | { readonly kind: 'refund_stars'; readonly charge: ChargeId; readonly person: PersonId }
  /** Without `to`: becomes one errand for each operator, so that none hears it twice because of another. */
  | { readonly kind: 'tell_operator'; readonly what: string; readonly to?: PersonId }

export type ErrandKind = Errand['kind']
/** An errand with what the runner must know: when, and to which story it belongs. */
export type DueErrand = {
  readonly errand: Errand
  readonly cid: Cid
  readonly at?: Instant
}

/** Part of a step: what is added here becomes due when the step commits, and only then. */
export interface Errands {
  add(errands: readonly DueErrand[]): Promise<void>
}
