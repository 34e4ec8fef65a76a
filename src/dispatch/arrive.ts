import { needsForDrawing, needsForReacting, react } from '../conversation/routes.ts'
import type { Need, Reads } from '../conversation/screen.ts'
import type { View } from '../conversation/view.ts'
import { StorageFault } from '../faults.ts'
import type { Inbox, InboxItem, Received } from '../inbox/inbox.ts'
import type { ParsedUpdate } from '../inbox/update.ts'
import type { ChatId, Cid } from '../kit/ids.ts'
import { late, withTimeout } from '../kit/wait.ts'
import type { WorkerPermit } from '../permit.ts'
import { createFacts, type Facts } from '../telemetry/facts.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ArrivalReads, SeenOnArrival } from './arrival-reads.ts'
import { type ConverseDeps, drawn, seenBy } from './converse.ts'
import { greeted, isSamePerson } from './greet.ts'
import { loadReads, type ReadPorts, type Where } from './reads.ts'
import type { EarlyShow, Screens } from './screens.ts'
import type { KeptSession } from './sessions.ts'
import {
  inTopicOf,
  isWithoutEffect,
  keptAfter,
  nextSession,
  noteTurn,
  type Talk,
  talkOf,
  tappedMessage,
  turnOf,
} from './turn.ts'

/**
 * Handles an update on its arrival, where that is light: a turn of a known conversation that moves no money, writes no
 * errand and changes no person. Then its arrival and its effect are one commit, and the edit of the tapped message goes to
 * Telegram beside that commit:
 *
 *   read ─► react, draw ─┬─► edit, answer ──────────────► noted as shown
 *                        └─► one commit ─► acknowledged ─┘
 *
 * Until the commit Telegram has no 200 and keeps the update. After a death in between it comes again, is handled again,
 * and the same edit is "not modified". Only edits and answers leave early; a new message waits for the commit, or it
 * would stand twice.
 *
 * Everything else is only stored here, as waiting or as claimed for the step in a transaction (`handle-update.ts`).
 */
export type ArriveDeps = ConverseDeps & {
  readonly inbox: Inbox
  readonly read: ArrivalReads
  /** What is committed, for what a place reads besides. */
  readonly committed: ReadPorts
  readonly screens: Screens
  /** Reads the body, which intake has parsed; the only part that knows Telegram's JSON. */
  readonly parse: (body: string, parsed?: unknown) => ParsedUpdate
  readonly telemetry: Telemetry
}

export type Arrival = {
  /** Committed. Rejects when it could not be. */
  readonly stored: Promise<void>
  /** What is left to do for the lane; never rejects. */
  readonly end: Promise<ArrivalEnd>
}
export type ArrivalEnd =
  | { readonly kind: 'handled' }
  /** It could not be committed; Telegram keeps it. */
  | { readonly kind: 'refused' }
  /** It is claimed for this instance and not handled yet. */
  | { readonly kind: 'claimed'; readonly item: InboxItem }
  /** It waits in the inbox, behind others or because the conversation moved meanwhile. */
  | { readonly kind: 'waits' }

type Plan =
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'store'; readonly wish: 'wait' | 'claim' | 'finish' }
  | LightStep
type LightStep = {
  readonly kind: 'light'
  readonly readRevision: number
  readonly kept: KeptSession
  readonly view: View | undefined
  readonly early: EarlyShow | undefined
  readonly facts: Facts
}

/** What became of the commit; the log says so before anything else happens. */
type Committed =
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'handled'; readonly facts: Facts; readonly show: () => void }
  | { readonly kind: 'claimed'; readonly item: InboxItem }
  | { readonly kind: 'waits' }
  | { readonly kind: 'over' }

/** After this time an update is only stored. */
const readWithinMs = 500

/** What the read on arrival brings. */
const isBroughtAlong = (need: keyof Reads): boolean => need === 'balance' || need === 'free'

export function createArrive(deps: ArriveDeps) {
  const { inbox, read, committed, screens, parse, clock, telemetry } = deps

  /** A step of another program may hold what is read, and Telegram waits to hear that the update is stored. */
  async function inTime<T>(reading: Promise<T>): Promise<T> {
    const found = await withTimeout(clock, readWithinMs, reading)
    if (found === late) throw new StorageFault(`a read on arrival took longer than ${readWithinMs} ms`)
    return found
  }

  const loadInTime = async (needs: readonly Need[], where: Where): Promise<Partial<Reads>> =>
    needs.length === 0 ? {} : await inTime(loadReads(committed, needs, where))

  /** What follows from what was read. A fault of ours, or of the database, is met again, and counted, by the step. */
  async function plan(permit: WorkerPermit, received: Received): Promise<Plan> {
    try {
      const update = parse(received.body, received.parsed)
      if (isWithoutEffect(update)) return { kind: 'store', wish: 'finish' }
      const talk = talkOf(update)
      if (talk === undefined) return { kind: 'store', wish: 'claim' }
      const tapped = tappedMessage(talk)
      const asked = read({
        updateId: received.updateId,
        lane: received.lane,
        person: talk.sender.id,
        chat: talk.chat,
        day: deps.dayAt(received.receivedAt),
        ...(tapped === undefined ? {} : { tapped }),
      })
      const seen = await inTime(asked)
      if (seen.isKnown) return { kind: 'duplicate' }
      if (seen.isAnyWaiting) return { kind: 'store', wish: 'wait' }
      return (await takeTurn(permit, received, talk, seen)) ?? { kind: 'store', wish: 'claim' }
    } catch {
      return { kind: 'store', wish: 'claim' }
    }
  }

  /** Undefined when the turn is not light. */
  async function takeTurn(
    permit: WorkerPermit,
    received: Received,
    talk: Talk,
    { person: known, kept: before, ownsTapped, reads }: SeenOnArrival,
  ): Promise<LightStep | undefined> {
    const now = received.receivedAt
    if (known === undefined || before === undefined || before.isRestored) return undefined
    const person = greeted(talk.sender, known, now)
    if (!isSamePerson(known, person)) return undefined
    const session = inTopicOf(before.session, talk)
    const { input } = talk
    const place = input.kind === 'opened' ? input.address : session.place
    const where = { person, day: deps.dayAt(now), place, session }
    const needed = await loadInTime(needsForReacting(session, input), where)
    const turn = turnOf(talk, person, ownsTapped, received.cid)
    const reaction = react(seenBy(deps, now, person, session, needed), input)
    if (reaction.command !== undefined) return undefined
    const next = nextSession(session, reaction, { refused: false })
    const screen = reaction.still ? undefined : await drawNext()
    const kept = keptAfter(before, turn, screen?.session ?? next, screen?.view, reaction)
    const facts = createFacts(telemetry)
    noteTurn(facts, received, talk, { refused: false, drawn: screen?.view })
    if (turn.tapped !== undefined) answer(permit, talk.chat, turn.tapped.id, reaction.toast, received.cid)
    const isEdit = turn.tapped !== undefined && kept.message !== undefined && kept.message === turn.tapped.message
    return {
      kind: 'light',
      readRevision: session.revision,
      kept,
      view: screen?.view,
      early: screen !== undefined && isEdit ? screens.showEarly(permit, kept) : undefined,
      facts,
    }

    async function drawNext() {
      const besides = needsForDrawing(next.place).filter((need) => !isBroughtAlong(need))
      const more = await loadInTime(besides, { ...where, place: next.place, session: next })
      return drawn(seenBy(deps, now, person, next, { ...reads, ...more }), reaction.notice)
    }
  }

  const answer = (permit: WorkerPermit, chat: ChatId, id: string, text: string | undefined, cid: Cid) =>
    screens.answerTap(permit, chat, { id, cid, ...(text === undefined ? {} : { text }) })

  async function commit(permit: WorkerPermit, received: Received, step: LightStep): Promise<Committed> {
    const { readRevision, kept, view, early, facts } = step
    const how = await inbox.handle(received, { permit, readRevision, kept }).catch((error: unknown) => {
      early?.dropped()
      throw error
    })
    if (how !== 'handled') {
      early?.dropped()
      return { kind: how === 'duplicate' ? 'duplicate' : 'waits' }
    }
    return {
      kind: 'handled',
      facts,
      show() {
        if (early !== undefined) early.committed()
        else if (view !== undefined) screens.show(permit, kept)
      },
    }
  }

  async function settle(
    permit: WorkerPermit,
    received: Received,
    planned: Plan,
    mayClaim: () => boolean,
  ): Promise<Committed> {
    switch (planned.kind) {
      case 'duplicate':
        return planned
      case 'light':
        return await commit(permit, received, planned)
      case 'store': {
        const wish = planned.wish === 'claim' && !mayClaim() ? 'wait' : planned.wish
        const stored = await inbox.store(received, wish)
        if (stored === 'duplicate') return { kind: 'duplicate' }
        if (stored === 'finished') return { kind: 'over' }
        if (stored !== 'stored') return { kind: 'claimed', item: stored }
        return { kind: 'waits' }
      }
    }
  }

  /**
   * `mayClaim`: whether a step in a transaction may begin. `onStored` is called once the update is committed, before
   * anything else is said about it.
   */
  return function arrive(
    permit: WorkerPermit,
    received: Received,
    mayClaim: () => boolean,
    onStored: (how: 'stored' | 'duplicate') => void,
  ): Arrival {
    const settled = plan(permit, received)
      .then((planned) => settle(permit, received, planned, mayClaim))
      .then((committed): ArrivalEnd => {
        onStored(committed.kind === 'duplicate' ? 'duplicate' : 'stored')
        switch (committed.kind) {
          case 'handled':
            committed.facts.emit()
            committed.show()
            return { kind: 'handled' }
          case 'duplicate':
            // It may be a row that waits: of two deliveries at once the second may have been stored first.
            return { kind: 'waits' }
          case 'claimed':
          case 'waits':
            return committed
          case 'over':
            return { kind: 'handled' }
        }
      })
    return {
      stored: settled.then(() => undefined),
      end: settled.catch(() => ({ kind: 'refused' })),
    }
  }
}
