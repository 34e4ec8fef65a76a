import type { DueErrand } from '../errands/errand.ts'
import { after, type Clock } from '../kit/clock.ts'
import { destinationOf, type OrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { lossesOf } from '../losses/losses-of-order.ts'
import { recordLoss } from '../losses/record-loss.ts'
import { kopecks, type Price } from '../money/amount.ts'
import type { Part } from '../money/ledger.ts'
import type { Permit } from '../permit.ts'
import type { Store, Tx } from '../store.ts'
import { createFacts, type Facts } from '../telemetry/facts.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Decision, decide, type Effect, type Observation } from './decide.ts'
import { type Order, paidOf } from './order.ts'

/**
 * The step that records what was learned about an order: lock its row, decide, and write the next state, the money, the
 * errands and the losses together. The same observation twice is one change.
 */
export type Recorded = { readonly order: Order; readonly changed: boolean }

/** The first look at a task that KIE took; a callback comes sooner or later, and wakes the same look. */
const firstLookMs = 2_000

export function createRecordObservation({
  store,
  clock,
  telemetry,
}: {
  readonly store: Store
  readonly clock: Clock
  readonly telemetry: Telemetry
}) {
  /** Undefined when there is no such order. `seen` may read the locked order first; undefined records nothing. */
  return async function recordObservation(
    permit: Permit,
    id: OrderId,
    seen: Observation | ((order: Order) => Observation | undefined),
  ): Promise<Recorded | undefined> {
    const facts = createFacts(telemetry)
    const recorded = await store.transact(permit, async (tx) => {
      const order = await tx.orders.lock(id)
      if (order === undefined) return undefined
      const observation = typeof seen === 'function' ? seen(order) : seen
      if (observation === undefined) return { order, changed: false }
      return await applyObservation(tx, order, observation, clock, facts)
    })
    facts.emit()
    return recorded
  }
}

/** What it writes of a step. */
export type RecordTx = Pick<Tx, 'orders' | 'ledger' | 'losses' | 'errands'>

/** The same inside a step that is already open (a person cancels). The order's row must be locked. */
export async function applyObservation(
  tx: RecordTx,
  order: Order,
  observation: Observation,
  clock: Clock,
  facts: Pick<Facts, 'add'>,
): Promise<Recorded> {
  const decision: Decision = decide(order, observation)
  if (decision === 'ignored') return { order, changed: false }
  const { next, effects } = decision
  await tx.orders.save(next)
  const errands: DueErrand[] = []
  for (const effect of effects) errands.push(...(await applyEffect(tx, next, effect, clock, facts)))
  await tx.errands.add(errands)
  for (const loss of lossesOf({ before: order, next, seen: observation })) {
    await recordLoss(tx.losses, { ...loss, at: clock.now() }, facts)
  }
  emitState(order, next, facts)
  return { order: next, changed: true }
}

async function applyEffect(
  tx: RecordTx,
  order: Order,
  effect: Effect,
  clock: Clock,
  facts: Pick<Facts, 'add'>,
): Promise<readonly DueErrand[]> {
  const { id, cid } = order
  const now = clock.now()
  const entry = { order: id, at: now, cid }
  switch (effect.type) {
    case 'release_hold':
      expect(id, 'released', await tx.ledger.release(entry))
      facts.add((t) => t.emit('HOLD_RELEASED', { cid, order_id: id, price: priceText(order.price) }))
      return []
    case 'capture_hold':
      expect(id, 'captured', await tx.ledger.capture({ ...entry, ...partOf(effect) }))
      facts.add((t) =>
        t.emit('HOLD_CAPTURED', { cid, order_id: id, price: priceText(paidOf(order)), ...givenBackOf(order, effect) }),
      )
      return []
    case 'refund_captured':
      expect(id, 'refunded', await tx.ledger.refund(entry))
      facts.add((t) => t.emit('REFUNDED', { cid, order_id: id }))
      return []
    case 'watch':
      return [{ errand: { kind: 'watch_task', order: id }, cid, at: after(now, firstLookMs) }]
    case 'deliver':
      return [{ errand: { kind: 'deliver', order: id, ...destinationOf(order) }, cid }]
    case 'show_progress':
      return [{ errand: { kind: 'show_progress', order: id, ...destinationOf(order) }, cid }]
    default:
      return unreachable(effect, 'applyEffect')
  }
}

type Capture = Extract<Effect, { type: 'capture_hold' }>
const partOf = ({ amount }: Capture): Part => (amount === undefined ? {} : { amount })

function givenBackOf({ price }: Order, { amount }: Capture): { readonly given_back?: string } {
  if (amount === undefined || price.unit === 'GEN') return {}
  return { given_back: priceText({ unit: 'RUB', kopecks: kopecks(price.kopecks - amount) }) }
}

/** The order's state and the ledger move in one step, so any other answer means that they have come apart. */
function expect(order: OrderId, wanted: string, answered: string): void {
  if (answered !== wanted)
    throw new Error(`order ${order}: the ledger answered "${answered}" where "${wanted}" was due`)
}

function emitState(before: Order, next: Order, facts: Pick<Facts, 'add'>): void {
  emitLosses(before, next, facts)
  if (before.status === next.status) return
  const { cid, id, model } = next
  const task = 'task' in next && next.task !== undefined ? { task_id: next.task } : {}
  facts.add((t) => {
    switch (next.status) {
      case 'generating':
        return t.emit('KIE_TASK_CREATED', { cid, order_id: id, task_id: next.task, model })
      case 'uncertain':
        return t.emit('ORDER_UNCERTAIN', { cid, order_id: id })
      case 'completed':
        return t.emit('ORDER_COMPLETED', { cid, order_id: id, price: priceText(paidOf(next)), model, ...task })
      case 'released':
        return t.emit('ORDER_RELEASED', { cid, order_id: id, reason: next.reason, model, ...task })
      case 'placed':
      case 'submitting':
      case 'delivering':
      case 'refunded':
        return
      default:
        return unreachable(next, 'emitState')
    }
  })
}

function emitLosses(before: Order, next: Order, facts: Pick<Facts, 'add'>): void {
  const known = 'artifacts' in before ? (before.artifacts ?? []) : []
  const artifacts = 'artifacts' in next ? (next.artifacts ?? []) : []
  for (const [index, artifact] of artifacts.entries()) {
    if (artifact.state !== 'lost' || known[index]?.state === 'lost') continue
    const { reason } = artifact
    facts.add((t) => t.emit('RESULT_LOST', { cid: next.cid, order_id: next.id, result: index + 1, reason }))
  }
}

/** `0.63RUB`, `1GEN`: for log lines. */
export const priceText = (price: Price): string =>
  price.unit === 'GEN' ? `${price.count}GEN` : `${(price.kopecks / 100).toFixed(2)}RUB`
