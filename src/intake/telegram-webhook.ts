import type { Received } from '../inbox/inbox.ts'
import type { PeekedUpdate } from '../inbox/update.ts'
import type { Clock } from '../kit/clock.ts'
import type { BotId, Cid } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { FastLane } from './fast-lane.ts'

/**
 * What happens to one delivery of Telegram: it is looked at, committed, and only then acknowledged. An instance that cannot commit answers "later", and Telegram keeps the update.
 */
export type IntakeDeps = {
  /** Commits an update, and has it handled where this instance works; `onStored` hears when it is committed. */
  readonly take: (received: Received, onStored: (how: 'stored' | 'duplicate') => void) => Promise<void>
  readonly fastLane: FastLane
  readonly bot: () => BotId
  /** Reads the id, kind and lane of an update; undefined when it has no `update_id`. */
  readonly peek: (body: unknown) => PeekedUpdate | undefined
  readonly newCid: () => Cid
  readonly isActive: () => boolean
  /** Where no response reaches Telegram (polling, a relay): carries the answer out before the update is committed. */
  readonly answerNow?: (answer: Readonly<Record<string, unknown>>) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export type Accepted =
  /** Committed; `answer` is a method for Telegram to execute from our response. */
  | { readonly kind: 'accepted'; readonly answer?: Readonly<Record<string, unknown>> }
  | { readonly kind: 'not_an_update'; readonly todo: string }
  /** Telegram asks again; for a pre-checkout at once, because it has ten seconds [telegram-bot-api 4.3]. */
  | { readonly kind: 'later'; readonly atOnce: boolean }

export function createTelegramIntake(deps: IntakeDeps) {
  const { take, fastLane, clock, telemetry } = deps

  /** `body` is the raw text as it came; `startedMs` the monotonic time of its arrival. */
  return async function accept(body: string, startedMs: number): Promise<Accepted> {
    const peeked = peekBody(deps, body)
    if ('todo' in peeked) return { kind: 'not_an_update', todo: peeked.todo }
    const { parsed, update } = peeked
    const cid = deps.newCid()
    try {
      const answer =
        update.preCheckout === undefined ? undefined : await fastLane.answer(update.preCheckout, update.person)
      if (answer !== undefined) await deps.answerNow?.(answer)
      const received = {
        bot: deps.bot(),
        updateId: update.updateId,
        lane: update.lane,
        kind: update.kind,
        cid,
        body,
        parsed,
        receivedAt: clock.now(),
      }
      await take(received, (how) => emitReceived(cid, update, how === 'duplicate', startedMs))
      return answer === undefined ? { kind: 'accepted' } : { kind: 'accepted', answer }
    } catch (error) {
      telemetry.caught(error, 'intake', cid)
      if (!deps.isActive()) telemetry.emit('PASSIVE_REJECT', { kind: update.kind })
      return { kind: 'later', atOnce: update.preCheckout !== undefined }
    }
  }

  function emitReceived(cid: Cid, update: PeekedUpdate, duplicate: boolean, startedMs: number): void {
    const ackMs = Math.round(clock.monotonicMs() - startedMs)
    const { updateId, kind, person } = update
    const more = { ...(person === undefined ? {} : { user_id: person }), ...(duplicate ? { duplicate: true } : {}) }
    telemetry.emit('UPDATE_RECEIVED', { cid, update_id: updateId, kind, ack_ms: ackMs, ...more })
    if (ackMs > ackSlowMs) telemetry.emit('WEBHOOK_ACK_SLOW', { cid, update_id: updateId, ack_ms: ackMs })
  }
}

const ackSlowMs = 200

type Peeked = { readonly parsed: unknown; readonly update: PeekedUpdate } | { readonly todo: string }

function peekBody({ peek }: IntakeDeps, body: string): Peeked {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return { todo: 'the body is not JSON' }
  }
  const update = peek(parsed)
  return update === undefined ? { todo: 'the body has no update_id' } : { parsed, update }
}
