import type { Catalog } from '../catalog/offer.ts'
import type { Pricing } from '../catalog/quote.ts'
import { withNotice } from '../conversation/notices.ts'
import { draw, needsForDrawing, needsForReacting, react } from '../conversation/routes.ts'
import type { Input, Reaction, Reads, Seen, Shop } from '../conversation/screen.ts'
import type { Notice, Session } from '../conversation/session.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { View } from '../conversation/view.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Facts } from '../errands/record-observation.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import type { ChatId, Cid, MessageId, OrderId, QuoteId } from '../kit/ids.ts'
import type { ShopDay } from '../money/amount.ts'
import type { Person } from '../people/person.ts'
import type { Tx } from '../store.ts'
import { carryOut } from './carry-out.ts'
import { loadReads } from './reads.ts'
import type { KeptSession } from './sessions.ts'

/**
 * The part of a step that talks: the conversation is loaded and locked, reacts to the input, its command is carried
 * out, the next screen is drawn and kept with the session. All of it inside the step's transaction; what a person sees
 * of it is an errand.
 */
export type ConverseDeps = {
  readonly catalog: Catalog
  readonly pricing: () => Pricing
  readonly shop: () => Shop
  readonly dayAt: (at: Instant) => ShopDay
  readonly mint: { readonly quote: () => QuoteId; readonly order: () => OrderId; readonly draft: () => string }
  readonly clock: Clock
}
export type Turn = {
  readonly person: Person
  readonly chat: ChatId
  readonly cid: Cid
  readonly input: Input
  /** The message whose button was pressed. A text message of ours is drawn over; anything else stays as it is. */
  readonly tapped?: { readonly id: string; readonly message?: MessageId }
}
export type Turned = { readonly reaction: Reaction; readonly refused: boolean; readonly shown?: string }

/** What was read before anybody reacted. */
export type Before = {
  /** The conversation so far, locked; undefined when this is its beginning. */
  readonly talk: KeptSession | undefined
  /** What the place that was asked for reads, should it be drawn with nothing changed. */
  readonly ahead?: { readonly place: Session['place']; readonly reads: Partial<Reads> }
}

export async function converse(
  tx: Tx,
  deps: ConverseDeps,
  turn: Turn,
  { talk, ahead }: Before,
  facts: Facts,
): Promise<Turned> {
  const { person, chat, cid, input, tapped } = turn
  const now = deps.clock.now()
  const kept = talk ?? freshSession(person, chat, cid)
  const { session } = kept
  const day = deps.dayAt(now)

  const see = (who: Person, at: Session, reads: Partial<Reads>): Seen => ({
    now,
    person: who,
    session: at,
    catalog: deps.catalog,
    pricing: deps.pricing(),
    shop: deps.shop(),
    texts: textsFor(who.language),
    reads,
    fresh: { quote: deps.mint.quote(), draft: deps.mint.draft() },
  })

  const place = input.kind === 'opened' ? input.address : session.place
  const where = { person, day, place, session }
  const seen = see(person, session, await loadReads(tx, needsForReacting(session, input), where))
  const reaction = react(seen, input)
  const result = await carryOut(tx, { ...deps, seen, reaction, chat, cid, day, tapped: tapped?.message }, facts)

  const next = nextSession(session, reaction, result)
  const speaker = result.person ?? person
  const drawn = result.still || (reaction.still && result.notice === undefined)
  const isBackHome = kept.isRestored === true && next.place.at === 'home'
  const notice = isBackHome ? ({ type: 'session_lost' } as const) : reaction.notice
  const view = drawn ? undefined : await drawScreen(next, speaker, result.notice ?? notice)
  const handedOver = result.handedOver ?? false
  const target = targetOf(kept, turn, { draws: view !== undefined, handedOver, inPlace: reaction.inPlace ?? false })
  const drawing: KeptSession = {
    session: view?.session ?? { ...next, revision: session.revision },
    view: view?.view ?? kept.view,
    cid: view === undefined ? kept.cid : cid,
    // The screen of a placed order is over; any other that is still on its way stays on its way.
    shownRevision: handedOver ? session.revision : kept.shownRevision,
    ...target,
  }

  const errands: DueErrand[] = [...result.errands]
  if (tapped !== undefined)
    errands.push({ errand: { kind: 'answer_tap', tap: tapped.id, ...toastOf(reaction, result) }, cid })
  if (view !== undefined) errands.push({ errand: { kind: 'show_screen', chat }, cid, drawing })
  tx.closeWith([tx.sessions.save(drawing, now), tx.errands.add(errands)])
  if (view !== undefined) facts.add((t) => t.tell('UI_RENDER', { cid, screen_id: view.view.screen }))
  return { reaction, refused: result.refused, ...(view === undefined ? {} : { shown: view.view.screen }) }

  async function drawScreen(
    at: Session,
    who: Person,
    notice: Notice | undefined,
  ): Promise<{ view: View; session: Session }> {
    const isAhead = ahead?.place === at.place && reaction.command === undefined
    const wanted = { person: who, day, place: at.place, session: at }
    const reads = isAhead ? ahead.reads : await loadReads(tx, needsForDrawing(at.place), wanted)
    const looking = see(who, at, reads)
    const { view: drawnView, draft } = draw(looking, at.place)
    const withIt = notice === undefined ? drawnView : withNotice(drawnView, notice, looking.texts)
    return { view: withIt, session: draft === undefined ? at : { ...at, draft } }
  }
}

/** A refused command says nothing of its success. */
function toastOf(reaction: Reaction, result: { readonly refused: boolean; readonly toast?: string }) {
  const text = result.toast ?? (result.refused ? undefined : reaction.toast)
  return text === undefined ? {} : { text }
}

function freshSession(person: Person, chat: ChatId, cid: Cid): KeptSession {
  const session: Session = { version: 1, person: person.id, chat, revision: 0, place: { at: 'home' } }
  return { session, view: undefined, cid, thread: 1, message: undefined, shownRevision: 0 }
}

/** What a refused command leaves: the conversation as it was, at the place the reaction names for that case. */
function nextSession(session: Session, reaction: Reaction, result: { refused: boolean }): Session {
  const { draft: before, photos: kept, ...rest } = session
  const revision = session.revision + 1
  if (result.refused) {
    return {
      ...rest,
      revision,
      place: reaction.otherwise ?? session.place,
      ...(before === undefined ? {} : { draft: before }),
      ...(kept === undefined ? {} : { photos: kept }),
    }
  }
  const draft = reaction.draft === undefined ? before : (reaction.draft ?? undefined)
  const photos = reaction.photos === undefined ? kept : (reaction.photos ?? undefined)
  return {
    ...rest,
    revision,
    place: reaction.go ?? session.place,
    ...(draft === undefined ? {} : { draft }),
    ...(photos === undefined ? {} : { photos }),
  }
}

/**
 * Which message the screen is drawn into: the tapped one; the current one when nobody wrote or pressed anything (a file
 * was checked), the reaction says so, or nothing is drawn; else a new one. The message of a placed order belongs to the order from then on.
 */
function targetOf(
  kept: KeptSession,
  { tapped, input }: Turn,
  { draws, handedOver, inPlace }: { draws: boolean; handedOver: boolean; inPlace: boolean },
): Pick<KeptSession, 'thread' | 'message'> {
  const same = { thread: kept.thread, message: kept.message }
  if (handedOver) return { thread: kept.thread + 1, message: undefined }
  if (!draws || inPlace || input.kind === 'file_checked') return same
  const message = tapped?.message
  return message !== undefined && message === kept.message ? same : { thread: kept.thread + 1, message }
}
