import type { View } from '../conversation/view.ts'
import type { KeptSession } from '../dispatch/sessions.ts'
import type { ErrandContext, Settled } from '../errands/runner.ts'
import type { Clock } from '../kit/clock.ts'
import type { ChatId, Cid, MessageId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ChatGateway, ChatNo, Sent } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import { copiesMax, editsMax, tellUnconfirmed } from './unconfirmed.ts'

/**
 * Draws the newest revision of a conversation, never an older one over a newer: into the message of its thread, or
 * into a new message when the thread has none yet or it can be edited no more.
 *
 * An unknown outcome is drawn again, a few times. That may show a screen twice; it leaves nobody with silence.
 */
export type ShowScreenDeps = {
  readonly store: Store
  readonly chat: Pick<ChatGateway, 'send' | 'edit'>
  readonly pacing: Pacing
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export function createShowScreen({ store, chat: gateway, pacing, clock, telemetry }: ShowScreenDeps) {
  return async function showScreen(
    { chat }: { readonly chat: ChatId },
    { permit, drawing, repeats }: ErrandContext,
  ): Promise<Settled> {
    const kept = drawing ?? (await store.read(({ sessions }) => sessions.get(chat)))
    if (kept?.view === undefined || kept.shownRevision >= kept.session.revision) return 'settled'
    const wait = pacing.waitFor(chat)
    if (wait !== undefined) return { againAt: wait, repeats }
    if (!permit.isFresh()) return { againAt: clock.now() }

    const started = clock.monotonicMs()
    const outcome = await draw(gateway, chat, kept.message, kept.view)
    const { session, thread, cid } = kept
    switch (outcome.kind) {
      case 'done': {
        const { message } = outcome.value
        await store.transact(permit, (tx) => tx.sessions.shown(chat, { revision: session.revision, thread, message }))
        tellShown(kept, message, clock.monotonicMs() - started)
        return 'settled'
      }
      case 'unknown':
        tellNotShown(telemetry, cid, 'DOWNSTREAM_TIMEOUT', kept.view.screen, outcome.detail)
        if (repeats + 1 < (kept.message === undefined ? copiesMax : editsMax)) return pacing.again(repeats)
        tellUnconfirmed(telemetry, cid, kept.view.screen, repeats + 1, outcome.detail)
        return 'settled'
      case 'not_done':
        tellNotShown(telemetry, cid, reasonCode(outcome.why), kept.view.screen, outcome.detail)
        if (outcome.retry.when === 'never') return 'settled'
        return await pacing.after(permit, chat, outcome, repeats)
      default:
        return unreachable(outcome, 'showScreen')
    }
  }

  function tellShown(kept: KeptSession, message: MessageId, tookMs: number): void {
    telemetry.tell('UI_SHOWN', {
      cid: kept.cid,
      screen_id: kept.view?.screen,
      message_id: message,
      took_ms: Math.round(tookMs),
    })
  }
}

/** Over the given message when there is one, else as a new one. */
export async function draw(
  gateway: Pick<ChatGateway, 'send' | 'edit'>,
  chat: ChatId,
  message: MessageId | undefined,
  view: View,
): Promise<Outcome<Sent, ChatNo>> {
  if (message === undefined) return await gateway.send(chat, view)
  const edited = await gateway.edit(chat, message, view)
  if (edited.kind === 'not_done' && edited.why === 'message_gone') return await gateway.send(chat, view)
  return edited
}

export function tellNotShown(telemetry: Telemetry, cid: Cid, reason: ReasonCode, screen: string, detail: string): void {
  telemetry.tell('UI_NOT_SHOWN', { cid, reason_code: reason, screen_id: screen, detail })
}

type ReasonCode = 'PERMISSION_DENIED' | 'RATE_LIMIT' | 'DOWNSTREAM_ERROR' | 'DOWNSTREAM_TIMEOUT' | 'EXPIRED_MESSAGE'

/** Telegram's no in the words of the log. */
export function reasonCode(why: ChatNo): ReasonCode {
  switch (why) {
    case 'blocked':
    case 'no_chat':
    case 'token_refused':
      return 'PERMISSION_DENIED'
    case 'too_many':
      return 'RATE_LIMIT'
    case 'message_gone':
    case 'tap_expired':
      return 'EXPIRED_MESSAGE'
    case 'too_big':
    case 'not_a_photo':
    case 'file_gone':
    case 'unreachable':
    case 'refused':
      return 'DOWNSTREAM_ERROR'
    default:
      return unreachable(why, 'reasonCode')
  }
}
