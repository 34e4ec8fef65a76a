import type { View } from '../conversation/view.ts'
import type { ErrandContext, Settled } from '../errands/runner.ts'
import { after, type Clock } from '../kit/clock.ts'
import { type Destination, destinationOf, type OrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Observation } from '../orders/decide.ts'
import { isSettled, type Order } from '../orders/order.ts'
import type { Recorded } from '../orders/record-observation.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type ChatGateway, isRefusedForGood } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import type { Refused } from './refused.ts'
import { draw, emitNotShown, reasonCode } from './show-screen.ts'
import { copiesMax, editsMax, emitUnconfirmed } from './unconfirmed.ts'

/**
 * Keeps the one message that shows where an order stands: drawn at every change, and in between by an honest schedule
 * that grows with the waiting. A person who asked not to see it is left in peace.
 */
export type ShowProgressDeps = {
  readonly store: Store
  readonly record: (permit: Permit, order: OrderId, seen: Observation) => Promise<Recorded | undefined>
  readonly chat: Pick<ChatGateway, 'send' | 'edit'>
  readonly pacing: Pacing
  readonly refused: Refused
  /** The view of this moment, and in how many milliseconds it will say something new. */
  readonly progressOf: (permit: Permit, order: Order) => Promise<{ readonly view: View; readonly nextMs: number }>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export function createShowProgress(deps: ShowProgressDeps) {
  const { store, record, chat: gateway, pacing, refused, progressOf, clock, telemetry } = deps

  return async function showProgress(
    { order: id, ...to }: Destination & { readonly order: OrderId },
    { permit, repeats }: ErrandContext,
  ): Promise<Settled> {
    const { chat } = to
    const order = await store.transact(permit, (tx) => tx.orders.get(id))
    if (order === undefined) return 'settled'
    const held = pacing.hold(chat, repeats)
    if (held !== undefined) return held
    if (!permit.isFresh()) return { againAt: clock.now(), repeats }
    const { view, nextMs } = await progressOf(permit, order)
    const started = clock.monotonicMs()
    const outcome = await draw(gateway, to, order.progressMessage, view)
    switch (outcome.kind) {
      case 'done': {
        const { message } = outcome.value
        await record(permit, id, { type: 'progress_shown', message })
        const tookMs = Math.round(clock.monotonicMs() - started)
        telemetry.emit('UI_SHOWN', { cid: order.cid, screen_id: view.screen, message_id: message, took_ms: tookMs })
        if (isSettled(order) || order.quiet) return 'settled'
        return { againAt: after(clock.now(), nextMs), repeats: 0 }
      }
      case 'unknown':
        emitNotShown(telemetry, order.cid, 'DOWNSTREAM_TIMEOUT', view.screen, outcome.detail)
        if (repeats + 1 < (order.progressMessage === undefined ? copiesMax : editsMax)) return pacing.again(repeats)
        emitUnconfirmed(telemetry, order.cid, view.screen, repeats + 1, outcome.detail)
        // The message may still say that it is under way; the end of an order is told in another one.
        if (isSettled(order) && order.progressMessage !== undefined) await say(permit, order, view)
        return 'settled'
      case 'not_done': {
        emitNotShown(telemetry, order.cid, reasonCode(outcome.why), view.screen, outcome.detail)
        if (outcome.retry.when !== 'never') return await pacing.after(permit, chat, outcome, repeats)
        if (isRefusedForGood(outcome)) {
          // Of the states on the way one is enough.
          const isNews = isSettled(order) || order.notShown === undefined
          const instead = isNews ? ({ ...destinationOf(to), say: 'words', view } as const) : undefined
          await refused(permit, outcome, { cid: order.cid, name: view.screen, instead })
        }
        await record(permit, id, { type: 'progress_not_shown', why: outcome.detail })
        return 'settled'
      }
      default:
        return unreachable(outcome, 'showProgress')
    }
  }

  async function say(permit: Permit, order: Order, view: View): Promise<void> {
    await store.transact(permit, (tx) =>
      tx.errands.add([{ errand: { kind: 'say', ...destinationOf(order), view }, cid: order.cid }]),
    )
  }
}
