import type { DueErrand } from '../errands/errand.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import type { Cid, OrderId } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * A callback of KIE makes us poll its task now; nothing in its body is believed. Any number of callbacks for one order
 * cause one poll per two seconds, and at least one poll after the last of them.
 *
 * Each of these polls is a job with a key of its own: no later callback moves it, and it moves no other poll.
 */
export type KieCallbackDeps = {
  readonly addJob: (errand: DueErrand) => Promise<void>
  /** The order that a reference in the URL was signed for; undefined when we did not sign it. */
  readonly orderOf: (reference: string) => { readonly order: OrderId; readonly cid: Cid } | undefined
  /** Checks KIE's own signature, when a key for it is set. */
  readonly isSigned?: (headers: SignatureHeaders, task: string) => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}
export type SignatureHeaders = { readonly timestamp: string | undefined; readonly signature: string | undefined }
export type CallbackHandled =
  | { readonly kind: 'noted' }
  | { readonly kind: 'unknown_reference' }
  | { readonly kind: 'bad_signature' }
  | { readonly kind: 'cannot_note' }

const onePollPerMs = 2_000
/** Orders whose last callback is remembered; older ones are forgotten first. */
const ordersMax = 10_000

export function createKieCallback(deps: KieCallbackDeps) {
  const { addJob, orderOf, isSigned, clock, telemetry } = deps
  /** When the last poll that callbacks of an order asked for is due. */
  const polls = new Map<OrderId, Instant>()

  return async function handleCallback(
    reference: string,
    headers: SignatureHeaders,
    body: string,
  ): Promise<CallbackHandled> {
    const signed = orderOf(reference)
    if (signed === undefined) {
      telemetry.emit('KIE_CALLBACK_REFUSED', { status: 404, reason: 'reference not signed by us' })
      return { kind: 'unknown_reference' }
    }
    const { order, cid } = signed
    const task = taskIn(body)
    if (isSigned !== undefined && !isSigned(headers, task ?? '')) {
      telemetry.emit('KIE_CALLBACK_REFUSED', { status: 403, reason: 'signature missing or wrong' })
      return { kind: 'bad_signature' }
    }
    const now = clock.now()
    const latest = polls.get(order)
    // A poll that is still to come will see what this callback is about. One that is further away than any can be was
    // remembered before the clock was set back.
    if (latest !== undefined && latest > now && latest - now <= onePollPerMs) return { kind: 'noted' }
    const at = latest === undefined || Math.abs(now - latest) >= onePollPerMs ? now : after(latest, onePollPerMs)
    remember(order, at)
    try {
      const hint = task === undefined ? {} : { hint: task }
      await addJob({ errand: { kind: 'watch_task', order, ...hint, calledAt: at }, cid, at })
    } catch (error) {
      polls.delete(order)
      telemetry.caught(error, 'KIE callback', cid)
      return { kind: 'cannot_note' }
    }
    telemetry.emit('KIE_CALLBACK_RECEIVED', { cid, order_id: order, ...(task === undefined ? {} : { task_id: task }) })
    return { kind: 'noted' }
  }

  function remember(order: OrderId, at: Instant): void {
    polls.delete(order)
    polls.set(order, at)
    for (const oldest of polls.keys()) {
      if (polls.size <= ordersMax) return
      polls.delete(oldest)
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
    return typeof id === 'string' && id.length > 0 && id.length <= taskIdLengthMax && isText(id) ? id : undefined
  } catch {
    return undefined
  }
}

/** PostgreSQL keeps no NUL and no half of a surrogate pair. */
const isText = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

const asRecord = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : undefined
