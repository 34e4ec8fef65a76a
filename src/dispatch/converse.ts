import type { Catalog } from '../catalog/offer.ts'
import type { Pricing } from '../catalog/quote.ts'
import { withNotice } from '../conversation/notices.ts'
import { draw, needsForDrawing, needsForReacting, react } from '../conversation/routes.ts'
import type { Reads, Seen, Shop } from '../conversation/screen.ts'
import type { Notice, Session } from '../conversation/session.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { View } from '../conversation/view.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import type { OrderId, QuoteId } from '../kit/ids.ts'
import type { ShopDay } from '../money/amount.ts'
import type { Person } from '../people/person.ts'
import type { Tx } from '../store.ts'
import type { Facts } from '../telemetry/facts.ts'
import { carryOut } from './carry-out.ts'
import { loadReads } from './reads.ts'
import type { KeptSession } from './sessions.ts'
import { freshSession, inTopicOf, keptAfter, nextSession, type Turn } from './turn.ts'

/**
 * The part of a step that talks: reacts to the input, carries out its command, draws the next screen, and keeps it with
 * the session, all inside the step's transaction. The screen is shown after the commit.
 */
export type ConverseDeps = {
  readonly catalog: Catalog
  readonly pricing: () => Pricing
  readonly shop: () => Shop
  readonly dayAt: (at: Instant) => ShopDay
  readonly mint: { readonly quote: () => QuoteId; readonly order: () => OrderId; readonly draft: () => string }
  readonly clock: Clock
}
export type Turned = {
  readonly kept: KeptSession
  readonly drawn: View | undefined
  readonly refused: boolean
}

/** What every screen sees. Ids are minted only when a screen needs one: most do not. */
export function seenBy(
  { catalog, pricing, shop, mint }: ConverseDeps,
  now: Instant,
  person: Person,
  session: Session,
  reads: Partial<Reads>,
): Seen {
  let quote: QuoteId | undefined
  let draft: string | undefined
  return {
    now,
    person,
    session,
    catalog,
    pricing: pricing(),
    shop: shop(),
    texts: textsFor(person.language),
    reads,
    fresh: {
      get quote() {
        quote ??= mint.quote()
        return quote
      },
      get draft() {
        draft ??= mint.draft()
        return draft
      },
    },
  }
}

/** The screen at the session's place, with the session it leads to: the confirm screen puts a quote into the draft. */
export function drawn(seen: Seen, notice: Notice | undefined): { readonly view: View; readonly session: Session } {
  const { session, texts } = seen
  const { view, draft } = draw(seen, session.place)
  return {
    view: notice === undefined ? view : withNotice(view, notice, texts),
    session: draft === undefined ? session : { ...session, draft },
  }
}

/** `talk` is the conversation so far, locked; undefined at its beginning. */
export async function converse(
  tx: Tx,
  deps: ConverseDeps,
  turn: Turn,
  talk: KeptSession | undefined,
  facts: Facts,
): Promise<Turned> {
  const { person, cid, input, tapped } = turn
  const now = deps.clock.now()
  const day = deps.dayAt(now)
  const before = talk ?? freshSession(turn)
  const session = inTopicOf(before.session, turn)
  const place = input.kind === 'opened' ? input.address : session.place
  const needed = await loadReads(tx, needsForReacting(session, input), { person, day, place, session })
  const seen = seenBy(deps, now, person, session, needed)
  const reaction = react(seen, input)
  const result = await carryOut(tx, { ...deps, seen, reaction, cid, day, tapped: tapped?.message }, facts)
  const next = nextSession(session, reaction, result)
  const isStill = result.still || (reaction.still && result.notice === undefined)
  const isBackHome = before.isRestored === true && next.place.at === 'home'
  const notice = isBackHome ? ({ type: 'session_lost' } as const) : reaction.notice
  const screen = isStill ? undefined : await drawNext(next, result.person ?? person, result.notice ?? notice)
  const kept = keptAfter(before, turn, screen?.session ?? next, screen?.view, { ...reaction, ...result })
  const errands: DueErrand[] = [...result.errands]
  if (tapped !== undefined) {
    // A refused command says nothing of its success.
    const text = result.toast ?? (result.refused ? undefined : reaction.toast)
    const words = text === undefined ? {} : { text, person: person.id }
    const errand = { kind: 'answer_tap', tap: tapped.id, ...words } as const
    errands.push({ errand, cid })
  }
  tx.closeWith([tx.sessions.save(kept, now), ...(errands.length === 0 ? [] : [tx.errands.add(errands)])])
  return { kept, drawn: screen?.view, refused: result.refused }

  async function drawNext(at: Session, who: Person, notice: Notice | undefined) {
    const reads = await loadReads(tx, needsForDrawing(at.place), { person: who, day, place: at.place, session: at })
    return drawn(seenBy(deps, now, who, at, reads), notice)
  }
}
