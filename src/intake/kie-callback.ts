import type { DueErrand } from '../errands/errand.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import type { Cid, OrderId } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * A callback of KIE is a doorbell: it makes the look at the task come now, and nothing in its body is believed. Any
 * number of them for one order wake one look per two seconds, and at least one look after the last of them.
 */
export type KieCallbackDeps = {
  /** Makes the errand due; it replaces a look that is waiting. */
  readonly makeDue: (errand: DueErrand) => Promise<void>
  /** The order that a reference in the URL was signed for; undefined when we did not sign it. */
  readonly orderOf: (reference: string) => { readonly order: OrderId; readonly cid: Cid } | undefined
  /** Checks KIE's own signature, when a key for it is set. */
  readonly isSigned?: (headers: SignatureHeaders, task: string) => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export type SignatureHeaders = { readonly timestamp: string | undefined; readonly signature: string | undefined }
export type Rung =
  | { readonly kind: 'noted' }
  | { readonly kind: 'unknown_reference' }
  | { readonly kind: 'bad_signature' }
  | { readonly kind: 'cannot_note' }

const oneLookPerMs = 2_000
/** Orders whose last ring is remembered; older ones are forgotten first. */
const ringsMax = 10_000

export function createKieCallback(deps: KieCallbackDeps) {
  const { makeDue, orderOf, isSigned, clock, telemetry } = deps
  /** When the newest look of an order is due. */
  const looks = new Map<OrderId, Instant>()

  return async function ring(reference: string, headers: SignatureHeaders, body: string): Promise<Rung> {
    const signed = orderOf(reference)
    if (signed === undefined) {
      telemetry.tell('KIE_CALLBACK_REFUSED', { status: 404, reason: 'reference not signed by us' })
      return { kind: 'unknown_reference' }
    }
    const { order, cid } = signed
    const task = taskIn(body)
    if (isSigned !== undefined && !isSigned(headers, task ?? '')) {
      telemetry.tell('KIE_CALLBACK_REFUSED', { status: 403, reason: 'signature missing or wrong' })
      return { kind: 'bad_signature' }
    }
    const now = clock.now()
    const latest = looks.get(order)
    // A look that is still to come will see whatever this callback is about. One that seems further away than any was
    // ever put off was noted before somebody set the clock back.
    if (latest !== undefined && latest > now && latest - now <= oneLookPerMs) return { kind: 'noted' }
    const at = latest === undefined || Math.abs(now - latest) >= oneLookPerMs ? now : after(latest, oneLookPerMs)
    remember(order, at)
    try {
      const hint = task === undefined ? {} : { hint: task }
      await makeDue({ errand: { kind: 'watch_task', order, ...hint }, cid, at })
    } catch (error) {
      looks.delete(order)
      telemetry.caught(error, 'KIE callback', cid)
      return { kind: 'cannot_note' }
    }
    telemetry.tell('KIE_CALLBACK_RECEIVED', { cid, order_id: order, ...(task === undefined ? {} : { task_id: task }) })
    return { kind: 'noted' }
  }

  function remember(order: OrderId, at: Instant): void {
    looks.delete(order)
    looks.set(order, at)
    for (const oldest of looks.keys()) {
      if (looks.size <= ringsMax) return
      looks.delete(oldest)
    }
  }
}

const taskIdLengthMax = 200

/** The task a body speaks of, in any of the shapes KIE uses [kie-api 5.3]. */
function taskIn(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    const top = asRecord(parsed)
    const data = asRecord(top?.['data'])
    const id = top?.['taskId'] ?? data?.['taskId'] ?? data?.['task_id']
    return typeof id === 'string' && id.length > 0 && id.length <= taskIdLengthMax ? id : undefined
  } catch {
    return undefined
  }
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : undefined
