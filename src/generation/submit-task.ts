import type { ImagesField, Offer, TakenFile } from '../catalog/offer.ts'
import { withFreshSeed } from '../catalog/values.ts'
import type { Settled } from '../errands/runner.ts'
import { isFaultOfTheWorld } from '../faults.ts'
import { after, type Clock } from '../kit/clock.ts'
import { type Cid, type FileId, fileId, type KieTaskId, type OfferId, type OrderId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import { pauseAfter } from '../kit/pauses.ts'
import { unreachable } from '../kit/unreachable.ts'
import { heldMs } from '../orders/deadlines.ts'
import type { Observation } from '../orders/decide.ts'
import type { Order, ReleaseReason } from '../orders/order.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { KieGateway, KieNo } from './kie-gateway.ts'

/**
 * Starts the task of an order at KIE, at most once.
 *
 * The files a person gave are uploaded first: that costs nothing and may be repeated. Then the intent is committed
 * (`placed -> submitting`), and only then KIE is called. Whoever finds an order in `submitting` does not know whether
 * KIE was reached: it becomes `uncertain`, never a second call.
 */
export type SubmitTaskDeps = {
  readonly store: Store
  readonly record: (
    permit: Permit,
    order: OrderId,
    seen: Observation,
  ) => Promise<{ readonly order: Order; readonly changed: boolean } | undefined>
  readonly kie: KieGateway
  /** The bytes of a file a person sent, from Telegram. */
  readonly fetchFile: (file: FileId) => Promise<Outcome<{ readonly bytes: Uint8Array }>>
  readonly offer: (id: OfferId) => Offer | undefined
  /** KIE's names and shapes of the inputs; `urls` by Telegram file id. */
  readonly buildInput: (
    offer: Offer,
    values: Order['values'],
    urls: ReadonlyMap<string, string>,
  ) => Readonly<Record<string, unknown>>
  /** The picture upright, as models are to see it; undefined when the bytes are none. */
  readonly upright: (bytes: Uint8Array) => Promise<{ readonly mime: string; readonly bytes: Uint8Array } | undefined>
  readonly callbackUrl: (order: OrderId, story: Cid) => string | undefined
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const insistMs = 250
/** KIE said "not now" (rate, maintenance), or the task could not be handed over: so long we go on asking before giving up. */
const patienceMs = 15 * 60 * 1000

export function createSubmitTask(deps: SubmitTaskDeps) {
  const { store, record, kie, random, clock, telemetry, offer: offerOf } = deps

  return async function submitTask(
    { order: id }: { readonly order: OrderId },
    { permit, cid, repeats }: { readonly permit: Permit; readonly cid: Cid; readonly repeats: number },
  ): Promise<Settled> {
    const order = await store.transact(permit, (tx) => tx.orders.get(id))
    if (order === undefined) return 'settled'
    if (order.status === 'submitting') {
      const detail = 'the process that asked KIE wrote down no answer'
      await record(permit, id, { type: 'submit_unanswered', detail, at: clock.now() })
      return 'settled'
    }
    if (order.status !== 'placed') return 'settled'

    const offer = offerOf(order.offer)
    if (offer === undefined) return await refuse(permit, order, 'provider_unavailable', `offer ${order.offer} is gone`)
    const uploaded = await upload(deps, filesOf(offer, order.values))
    if (uploaded.kind === 'held') return await hold(permit, order, repeats, uploaded)
    if (uploaded.kind === 'later') return await laterOrRefuse(permit, order, repeats, uploaded)
    if (uploaded.kind === 'refused') {
      if (uploaded.why !== undefined) emitRefusal(uploaded.why, uploaded.detail, order)
      return await refuse(permit, order, uploaded.reason, uploaded.detail)
    }

    // Put together before the intent: what goes wrong here is tried again, and KIE has heard of nothing.
    const callbackUrl = deps.callbackUrl(id, order.cid)
    const task = {
      model: order.model,
      input: deps.buildInput(offer, withFreshSeed(offer, order.values, random), uploaded.urls),
      ...(callbackUrl === undefined ? {} : { callbackUrl }),
    }
    const begun = await begin(permit, id, repeats)
    if (begun !== 'begun') return begun
    // From here on the order says "submitting": a death right now leaves it uncertain.
    if (!permit.isFresh()) {
      await record(permit, id, { type: 'submit_postponed' })
      return { againAt: clock.now(), repeats }
    }
    const outcome = await kie.submit(task)
    switch (outcome.kind) {
      case 'done':
        await noteAccepted(permit, id, outcome.value.task)
        return 'settled'
      case 'unknown':
        await record(permit, id, { type: 'submit_unanswered', detail: outcome.detail, at: clock.now() })
        return 'settled'
      case 'not_done':
        emitRefusal(outcome.why, outcome.detail, order)
        if (outcome.retry.when === 'never')
          return await refuse(permit, order, reasonOf(outcome.why), outcome.detail, true)
        await record(permit, id, { type: 'submit_postponed' })
        return await laterOrRefuse(permit, order, repeats, { detail: outcome.detail, ...outcome.retry })
      default:
        return unreachable(outcome, 'submitTask')
    }

    function emitRefusal(why: KieNo, detail: string, of: Order): void {
      telemetry.emit('KIE_REFUSED', { why, cid, order_id: of.id, detail })
    }
  }

  /** Commits the intent, if KIE's account-wide window has room. */
  async function begin(permit: Permit, id: OrderId, repeats: number): Promise<'begun' | Settled> {
    const now = clock.now()
    const slot = await store.transact(permit, async (tx) => {
      const order = await tx.orders.lock(id)
      if (order?.status !== 'placed') return { kind: 'gone' } as const
      return await tx.submitSlots.take(id, now)
    })
    if (slot.kind === 'gone') return 'settled'
    if (slot.kind === 'full') return { againAt: slot.until, repeats }
    const begun = await record(permit, id, { type: 'submit_begun', at: now })
    return begun?.changed ? 'begun' : 'settled'
  }

  /** Only this process knows the task now: while it may write, it does not let an outage of a moment lose a paid task. */
  async function noteAccepted(permit: Permit, id: OrderId, task: KieTaskId): Promise<void> {
    const at = clock.now()
    for (;;) {
      try {
        await record(permit, id, { type: 'submit_accepted', task, at })
        return
      } catch (error) {
        if (!isFaultOfTheWorld(error) || !permit.isFresh()) throw error
      }
      await clock.sleep(insistMs)
    }
  }

  async function refuse(
    permit: Permit,
    order: Order,
    reason: ReleaseReason,
    detail: string,
    begun = false,
  ): Promise<Settled> {
    if (!begun) await record(permit, order.id, { type: 'submit_begun', at: clock.now() })
    await record(permit, order.id, { type: 'submit_refused', reason, detail, at: clock.now() })
    return 'settled'
  }

  /** The world does not let it begin, which is no fault of the order and uses up no patience, for a day. */
  async function hold(
    permit: Permit,
    order: Order,
    repeats: number,
    { detail, afterMs: named }: NotNow,
  ): Promise<Settled> {
    if (clock.now() - order.placedAt >= heldMs) return await refuse(permit, order, 'provider_unavailable', detail)
    await record(permit, order.id, { type: 'submit_held', at: clock.now() })
    return { againAt: after(clock.now(), named ?? pauseAfter(repeats, random)) }
  }

  /** A wait that the other side names is kept; else the pause grows. */
  async function laterOrRefuse(
    permit: Permit,
    order: Order,
    repeats: number,
    { detail, afterMs: named }: NotNow,
  ): Promise<Settled> {
    if (clock.now() - (order.heldAt ?? order.placedAt) < patienceMs && clock.now() - order.placedAt < heldMs) {
      return { againAt: after(clock.now(), named ?? pauseAfter(repeats, random)) }
    }
    return await refuse(permit, order, 'provider_unavailable', detail)
  }
}

const filesOf = (offer: Offer, values: Order['values']): readonly TakenFile[] =>
  offer.fields
    .filter((field): field is ImagesField => field.type === 'images')
    .flatMap((field) => {
      const value = values[field.name]
      return Array.isArray(value) ? (value as readonly TakenFile[]) : []
    })

/** `afterMs` where the other side named a wait. */
type NotNow = { readonly detail: string; readonly afterMs?: number }

type Uploaded =
  | { readonly kind: 'uploaded'; readonly urls: ReadonlyMap<string, string> }
  /** A state of the world: Telegram, our token, or the host of uploads. */
  | ({ readonly kind: 'held' } & NotNow)
  | ({ readonly kind: 'later' } & NotNow)
  /** `why` where KIE said it. */
  | { readonly kind: 'refused'; readonly reason: ReleaseReason; readonly why?: KieNo; readonly detail: string }

/** From Telegram to KIE's upload host; a Telegram link carries the bot token and is never handed on [kie-api 7]. */
async function upload(
  { fetchFile, kie, upright, clock }: SubmitTaskDeps,
  files: readonly TakenFile[],
): Promise<Uploaded> {
  const urls = new Map<string, string>()
  for (const file of files) {
    const fetched = await fetchFile(fileId(file.fileId))
    if (fetched.kind === 'not_done') {
      if (fetched.retry.when === 'later') return { kind: 'held', ...notNow(fetched.detail, fetched.retry) }
      return { kind: 'refused', reason: 'input_lost', detail: fetched.detail }
    }
    if (fetched.kind === 'unknown') return { kind: 'later', detail: fetched.detail }
    const { bytes: sent } = fetched.value
    const picture = await upright(sent)
    if (picture === undefined) {
      const detail = `Telegram gave ${sent.length} bytes that are no picture`
      return { kind: 'refused', reason: 'input_lost', detail }
    }
    const { bytes, mime } = picture
    const name = `${file.uniqueId}-${clock.now()}.${mime.split('/')[1] ?? 'bin'}`
    const put = await kie.upload({ bytes, mime, name })
    if (put.kind === 'not_done') {
      const { why, detail, retry } = put
      if (retry.when === 'later') return { kind: why === 'unreachable' ? 'held' : 'later', ...notNow(detail, retry) }
      const reason = reasonOf(why)
      // KIE's no to the file; a no to our account, or to the upload as such, says nothing about what the person gave.
      const isOfFile = reason !== 'provider_unavailable'
      return { kind: 'refused', reason: isOfFile ? 'input_lost' : reason, why, detail }
    }
    if (put.kind === 'unknown') return { kind: 'later', detail: put.detail }
    urls.set(file.fileId, put.value.url)
  }
  return { kind: 'uploaded', urls }
}

const notNow = (detail: string, { afterMs }: { readonly afterMs?: number }): NotNow =>
  afterMs === undefined ? { detail } : { detail, afterMs }

function reasonOf(why: KieNo): ReleaseReason {
  switch (why) {
    case 'inputs_refused':
      return 'inputs_refused'
    case 'moderated':
      return 'moderated'
    case 'input_lost':
      return 'input_lost'
    case 'no_credits':
    case 'key_refused':
    case 'model_gone':
    case 'rate_limited':
    case 'maintenance':
    case 'unreachable':
      return 'provider_unavailable'
    default:
      return unreachable(why, 'reasonOf')
  }
}
