import type { View } from '../conversation/view.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChargeId, Cid, Destination, MessageId, OrderId, PersonId, TopUpId } from '../kit/ids.ts'

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
  | (Destination & { readonly kind: 'show_progress'; readonly order: OrderId })
  /** Fetches a file a person sent, checks what it is, and tells the wizard. */
  | (Destination & {
      readonly kind: 'take_file'
      readonly person: PersonId
      readonly fileId: string
      readonly uniqueId: string
      readonly message?: MessageId
      readonly revision: number
    })
  | (Destination & { readonly kind: 'send_invoice'; readonly topUp: TopUpId })
  | { readonly kind: 'submit_task'; readonly order: OrderId }
  /** `hint` is what a callback claimed; it is looked up at KIE and never believed. `calledAt`: a callback asked for it. */
  | { readonly kind: 'watch_task'; readonly order: OrderId; readonly hint?: string; readonly calledAt?: Instant }
  | (Destination & { readonly kind: 'deliver'; readonly order: OrderId })
  /**
   * Sends an artifact again; by its file id, when Telegram has it as wanted. Without `index`: becomes one errand for each
   * artifact, so that none is sent twice because of another.
   */
  | (Destination & {
      readonly kind: 'send_again'
      readonly order: OrderId
      readonly as: 'photo' | 'document'
      readonly index?: number
    })
  /**
   * A message of its own: money arrived, an update could not be handled. `isLast`: it stands in for one that Telegram
   * refused, and nothing stands in for it.
   */
  | (Destination & { readonly kind: 'say'; readonly view: View; readonly isLast?: boolean })
  /** The keyboard of a former program goes with a message, which is deleted again; `text` is what it says meanwhile. */
  | (Destination & { readonly kind: 'remove_keyboard'; readonly text: string })
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
