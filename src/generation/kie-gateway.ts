import type { KieTaskId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { ArtifactUrl, ReleaseReason, Stage } from '../orders/order.ts'

/** What generation needs of KIE. Implemented by `kie/client.ts`, the only place that knows KIE's JSON. */
export interface KieGateway {
  /** Puts a file where KIE's models can fetch it; it lives a day [kie-api 7]. */
  upload(file: {
    readonly bytes: Uint8Array
    readonly mime: string
    readonly name: string
  }): Promise<Outcome<{ readonly url: string }, KieNo>>
  /** Whether the host that takes files answers anything at all; costs nothing. */
  reachUploads(signal: AbortSignal): Promise<Outcome<true, KieNo>>
  /**
   * Starts a paid task. `unknown` means that it may have started: never ask again. `input` holds KIE's own names.
   */
  submit(task: {
    readonly model: string
    readonly input: Readonly<Record<string, unknown>>
    readonly callbackUrl?: string
  }): Promise<Outcome<{ readonly task: KieTaskId }, KieNo>>
  /** The record of a task; the only thing that moves money. */
  look(task: KieTaskId): Promise<Outcome<TaskSeen, KieNo>>
  /** Another link to a file that KIE made, good for 20 minutes; for when the first one is refused [kie-api 6.2]. */
  freshLink(url: ArtifactUrl): Promise<Outcome<{ readonly url: string }, KieNo>>
  /** Credits left, a decimal string; an account that owes has none. */
  credits(signal?: AbortSignal): Promise<Outcome<string, KieNo>>
}

/** Why KIE definitely did not do it. */
export type KieNo =
  | 'inputs_refused'
  | 'moderated'
  | 'input_lost'
  | 'rate_limited'
  | 'maintenance'
  | 'no_credits'
  | 'key_refused'
  | 'model_gone'
  | 'unreachable'

export type TaskSeen =
  | { readonly state: 'running'; readonly stage: Stage; readonly callbackUrl?: string }
  | {
      readonly state: 'succeeded'
      readonly artifacts: readonly ArtifactUrl[]
      readonly credits?: string
      readonly callbackUrl?: string
    }
  /** A success that names no result; KIE may fill the list in a moment later. */
  | { readonly state: 'empty'; readonly callbackUrl?: string }
  | {
      readonly state: 'failed'
      readonly reason: ReleaseReason
      readonly detail: string
      readonly credits?: string
      readonly callbackUrl?: string
    }
  /** KIE does not know the id, or not yet. */
  | { readonly state: 'not_found' }
  /** A state nobody described: reported and shelved, never taken for "waiting". */
  | { readonly state: 'unrecognized'; readonly raw: string }
