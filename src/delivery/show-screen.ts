import type { View } from '../conversation/view.ts'
import type { EarlyShow, Screens } from '../dispatch/screens.ts'
import type { KeptSession } from '../dispatch/sessions.ts'
import { after, type Clock, type Instant, instant } from '../kit/clock.ts'
import { type ChatId, type Cid, type Destination, destinationOf, type MessageId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import { pauseAfter } from '../kit/pauses.ts'
import type { Turns } from '../kit/turns.ts'
import { unreachable } from '../kit/unreachable.ts'
import { Pause } from '../kit/wait.ts'
import type { Permit } from '../permit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type ChatGateway, type ChatNo, isRefusedForGood, type Sent } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import type { Instead, Refused } from './refused.ts'
import { type ScreenNotes, showWithinMs } from './screen-notes.ts'
import { copiesMax, editsMax, emitUnconfirmed } from './unconfirmed.ts'

/**
 * Draws a conversation into the message of its thread, or into a new message when the thread has none yet or it can be
 * edited no more. What is not shown is noted with the time of the next try, and `showDue` finds it.
 *
 * An edit with an unknown outcome is made again: the same edit twice is one. A new message with an unknown outcome may
 * stand in the chat already, so it is sent only a few times.
 */
export type ShowScreenDeps = {
  readonly chat: Pick<ChatGateway, 'send' | 'edit' | 'answerTap'>
  readonly notes: ScreenNotes
  readonly refused: Refused
  /** Calls to one chat are made one after the other. */
  readonly turns: Turns<ChatId>
  readonly pacing: Pacing
  readonly random: () => number
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** Chats whose newest drawing is remembered. */
const rememberedMax = 10_000
/** What is not shown is looked for so often, and sooner when this instance knows of it. */
const lookEveryMs = 5_000
/** Calls that are under way or wait for their turn: a Telegram that stands still does not fill the memory. */
const callsMax = 2_048
/** Screens shown at the same time by one look. */
const dueMax = 50

export function createShowScreen(deps: ShowScreenDeps): Screens & {
  /**
   * Shows what was drawn and not shown, as soon as it is due, until `signal` aborts; then resolves when no call is under way.
   * At first also what is not due yet, when nobody else can be showing it (`isAlone`).
   */
  showDue(permit: Permit, isAlone: boolean, signal: AbortSignal): Promise<void>
  /** Resolves when no call is under way and what became of each is noted. */
  settled(): Promise<void>
} {
  const { chat: gateway, notes, refused, turns, pacing, random, clock, telemetry } = deps
  /** Drawings that wait for their turn at a chat: the newest of each. */
  const waiting = new Map<ChatId, KeptSession>()
  const drawnLast = createDrawnLast()
  const calls = new Set<Promise<void>>()
  const isFull = () => calls.size >= callsMax
  let soonest: Instant | undefined
  const rest = new Pause(clock)

  function own(call: Promise<void>): void {
    const owned = call.catch((error: unknown) => telemetry.caught(error, 'showing a screen'))
    calls.add(owned)
    void owned.then(() => calls.delete(owned))
  }

  async function settled(): Promise<void> {
    while (calls.size > 0) await Promise.all(calls)
  }

  type Called = { readonly outcome: Outcome<Sent, ChatNo>; readonly tookMs: number }
  async function call({ session, thread, message }: KeptSession, view: View): Promise<Called> {
    const { chat, revision } = session
    const started = clock.monotonicMs()
    const into = message ?? drawnLast.messageOf(chat, thread)
    const outcome = await draw(gateway, session, into, view)
    if (outcome.kind === 'done') drawnLast.note(chat, { revision, thread, message: outcome.value.message })
    return { outcome, tookMs: clock.monotonicMs() - started }
  }

  /** In the chat's turn. When it must not be called now, the screen stays a saved one that is not shown. */
  async function showInTurn(permit: Permit, kept: KeptSession, tries: number): Promise<void> {
    const { view, session } = kept
    if (view === undefined || !permit.isFresh() || drawnLast.isNewer(session.chat, session.revision)) return
    const wait = pacing.waitFor(session.chat)
    if (wait === undefined) await note(permit, kept, view, tries, await call(kept, view))
    else await tryLater(kept, tries, wait)
  }

  /** Writes down what became of a call. Should that fail, the screen is shown once more. */
  async function note(
    permit: Permit,
    kept: KeptSession,
    view: View,
    tries: number,
    { outcome, tookMs }: Called,
  ): Promise<void> {
    const { thread, message: before, cid } = kept
    const { chat, revision } = kept.session
    switch (outcome.kind) {
      case 'done': {
        const { message } = outcome.value
        telemetry.emit('UI_SHOWN', { cid, screen_id: view.screen, message_id: message, took_ms: Math.round(tookMs) })
        return await notes.shown({ chat, revision, view, thread, message, isEdit: message === before })
      }
      case 'unknown': {
        emitNotShown(telemetry, cid, 'DOWNSTREAM_TIMEOUT', view.screen, outcome.detail)
        if (tries + 1 < (before === undefined ? copiesMax : editsMax)) {
          return await tryLater(kept, tries + 1, after(clock.now(), pauseAfter(tries, random)))
        }
        emitUnconfirmed(telemetry, cid, view.screen, tries + 1, outcome.detail)
        return await notes.givenUp({ chat, revision })
      }
      case 'not_done': {
        emitNotShown(telemetry, cid, reasonCode(outcome.why), view.screen, outcome.detail)
        if (isRefusedForGood(outcome)) {
          await refused(permit, outcome, {
            cid,
            name: view.screen,
            instead: { ...destinationOf(kept.session), say: 'not_shown' },
          })
        }
        if (outcome.retry.when === 'never') return await notes.givenUp({ chat, revision })
        const again = await pacing.after(permit, chat, outcome, tries)
        if (again !== 'settled') await tryLater(kept, again.repeats ?? tries + 1, again.againAt)
        return
      }
      default:
        return unreachable(outcome, 'showScreen')
    }
  }

  async function tryLater(kept: KeptSession, tries: number, at: Instant): Promise<void> {
    const { chat, revision } = kept.session
    await notes.later({ chat, revision, tries, at: instant(Math.ceil(at)) })
    if (soonest !== undefined && soonest <= at) return
    soonest = at
    rest.end()
  }

  async function showAll(permit: Permit, dueBefore: Instant): Promise<void> {
    const chats = await notes.due(dueBefore, dueMax)
    const shown = chats.map((chat) =>
      turns.take(chat, async () => {
        const due = await notes.dueIn(chat, dueBefore)
        if (due === undefined) return
        // What has waited goes out at the pace of errands, not all at once.
        const hold = pacing.hold(chat, due.tries)
        if (hold === undefined) await showInTurn(permit, due.kept, due.tries)
        else if (hold !== 'settled') await tryLater(due.kept, due.tries, hold.againAt)
      }),
    )
    for (const each of await Promise.allSettled(shown)) if (each.status === 'rejected') throw each.reason
  }

  /** Until a screen of ours is due; also those of others are looked for now and then. */
  async function pause(signal: AbortSignal): Promise<void> {
    const ms = soonest === undefined ? lookEveryMs : Math.max(0, soonest - clock.now())
    await rest.rest(Math.min(lookEveryMs, ms), signal)
  }

  return {
    showEarly(permit, kept): EarlyShow | undefined {
      const { view, message, session } = kept
      const { chat, revision } = session
      const isFree =
        !isFull() && !turns.isTaken(chat) && pacing.waitFor(chat) === undefined && !drawnLast.isNewer(chat, revision)
      if (view === undefined || message === undefined || !isFree || !permit.isFresh()) return undefined
      const committed = Promise.withResolvers<boolean>()
      own(
        turns.take(chat, async () => {
          const called = await call(kept, view)
          if (await committed.promise) await note(permit, kept, view, 0, called)
        }),
      )
      return { committed: () => committed.resolve(true), dropped: () => committed.resolve(false) }
    },
    show(permit, kept) {
      const { chat, revision } = kept.session
      const newest = waiting.get(chat)
      if (newest !== undefined && newest.session.revision >= revision) return
      // What does not fit stays a saved screen that is not shown.
      if (newest === undefined && isFull()) return
      waiting.set(chat, kept)
      if (newest !== undefined) return
      own(
        turns.take(chat, async () => {
          const latest = waiting.get(chat)
          waiting.delete(chat)
          if (latest !== undefined) await showInTurn(permit, latest, 0)
        }),
      )
    },
    answerTap(permit, chat, { id, text, cid }) {
      if (!permit.isFresh() || pacing.waitFor(chat) !== undefined || isFull()) return
      own(
        gateway.answerTap(id, text === undefined ? {} : { text }).then(async (outcome) => {
          if (outcome.kind === 'done') return
          // A tap that is too old has no spinner left to stop.
          telemetry.emit('UI_NOT_SHOWN', { cid, reason_code: 'EXPIRED_MESSAGE', detail: outcome.detail })
          if (outcome.kind !== 'not_done' || !isRefusedForGood(outcome)) return
          await refused(permit, outcome, { cid, name: 'answer', instead: insteadOfAnswer(chat, text) })
        }),
      )
    },
    async showDue(permit, isAlone, signal) {
      if (isAlone) await showAll(permit, after(clock.now(), showWithinMs))
      while (!signal.aborted) {
        if (soonest !== undefined && soonest <= clock.now()) soonest = undefined
        await showAll(permit, clock.now())
        await pause(signal)
      }
      await settled()
    },
    settled,
  }
}

type Drawn = { readonly revision: number; readonly thread: number; readonly message: MessageId }

/** What was drawn last in each chat, before it is noted: steps of a chat do not wait for the calls of one another. */
function createDrawnLast() {
  const last = new Map<ChatId, Drawn>()
  return {
    isNewer: (chat: ChatId, revision: number): boolean => (last.get(chat)?.revision ?? 0) > revision,
    messageOf(chat: ChatId, thread: number): MessageId | undefined {
      const drawn = last.get(chat)
      return drawn?.thread === thread ? drawn.message : undefined
    },
    note(chat: ChatId, drawn: Drawn): void {
      last.delete(chat)
      last.set(chat, drawn)
      for (const oldest of last.keys()) {
        if (last.size <= rememberedMax) return
        last.delete(oldest)
      }
    },
  }
}

/** Over the given message when there is one, else as a new one. */
export async function draw(
  gateway: Pick<ChatGateway, 'send' | 'edit'>,
  to: Destination,
  message: MessageId | undefined,
  view: View,
): Promise<Outcome<Sent, ChatNo>> {
  if (message === undefined) return await gateway.send(to, view)
  const edited = await gateway.edit(to.chat, message, view)
  if (edited.kind === 'not_done' && edited.why === 'message_gone') return await gateway.send(to, view)
  return edited
}

/** An answer without words only stops a spinner. */
export const insteadOfAnswer = (chat: ChatId, text: string | undefined): Instead | undefined =>
  text === undefined ? undefined : { chat, say: 'words', view: { screen: 'trouble', text: [text], keyboard: [] } }

export function emitNotShown(
  telemetry: Telemetry,
  story: Cid,
  reason: ReasonCode,
  screen: string,
  detail: string,
): void {
  telemetry.emit('UI_NOT_SHOWN', { cid: story, reason_code: reason, screen_id: screen, detail })
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
