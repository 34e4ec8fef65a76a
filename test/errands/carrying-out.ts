import type { Errand } from '../../src/errands/errand.ts'
import {
  type ChatTurns,
  createRunner,
  type ErrandContext,
  type Handlers,
  type Settled,
} from '../../src/errands/runner.ts'
import { type Clock, createClock } from '../../src/kit/clock.ts'
import { createTurns } from '../../src/kit/turns.ts'
import type { Permit } from '../../src/permit.ts'
import type { Storage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** Errands executed by the engine of a storage; what they do is one function of the test. */
export type Carry = (errand: Errand, context: ErrandContext) => Promise<Settled>

export const handledBy = (carry: Carry): Handlers => ({
  answer_tap: carry,
  show_progress: carry,
  take_file: carry,
  send_invoice: carry,
  submit_task: carry,
  watch_task: carry,
  deliver: carry,
  send_again: carry,
  say: carry,
  remove_keyboard: carry,
  refund_stars: carry,
  tell_operator: carry,
})

/** No other instance calls a chat. */
export const alone: ChatTurns = { inTurn: (_, work) => work() }

export function carryOut(
  { engine, permit }: Pick<Storage, 'engine' | 'permit'>,
  carry: Carry,
  options: { readonly clock?: Clock; readonly permit?: Permit } = {},
) {
  const clock = options.clock ?? createClock()
  const telling = createTelling(clock)
  const stopping = new AbortController()
  const runner = createRunner({
    handlers: handledBy(carry),
    engine,
    turns: createTurns(),
    turnsOfInstances: alone,
    clock,
    telemetry: telling.telemetry,
  })
  const working = runner.work(options.permit ?? permit, stopping.signal)
  // Whoever expects a failure looks at `working` itself.
  working.catch(() => undefined)
  return {
    ...telling,
    working,
    async stop() {
      stopping.abort()
      await working
    },
  }
}
