/**
 * One person's conversation without a service around it: what they do goes through `react`, what follows is drawn, and
 * the commands are carried out in memory. Time stands still unless it is moved.
 */
import assert from 'node:assert/strict'
import type { TakenFile } from '../../src/catalog/offer.ts'
import type { Address } from '../../src/conversation/address.ts'
import { withNotice } from '../../src/conversation/notices.ts'
import { plain } from '../../src/conversation/rich.ts'
import { draw, needsForDrawing, needsForReacting, react } from '../../src/conversation/routes.ts'
import type { Command, FileVerdict, Input, Need, Reaction, Reads, Seen } from '../../src/conversation/screen.ts'
import { ordersPerPage } from '../../src/conversation/screens/history/history.ts'
import type { Notice, Session } from '../../src/conversation/session.ts'
import { textsFor } from '../../src/conversation/texts/texts-for.ts'
import type { Button, View } from '../../src/conversation/view.ts'
import { nextSession } from '../../src/dispatch/turn.ts'
import { instant } from '../../src/kit/clock.ts'
import { chatId, cid, messageId, orderId, personId, quoteId } from '../../src/kit/ids.ts'
import { generations, kopecks } from '../../src/money/amount.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import type { Order } from '../../src/orders/order.ts'
import type { Language, Person } from '../../src/people/person.ts'
import { pricing, theCatalog } from '../catalog/the-catalog.ts'

export const catalog = theCatalog()
export const noon = instant(Date.UTC(2026, 10, 25, 9))

export type Circumstances = {
  readonly language?: Language
  readonly balance?: number
  readonly freeToday?: number
  readonly freeExtra?: number
  readonly orders?: readonly Order[]
  readonly starsPerRub?: string
  readonly firstName?: string
}

/** Ids of twelve symbols, as the service mints them. */
const minted = (n: number): string => `${n}`.padStart(12, '0')

export class Talk {
  now = noon
  person: Person
  session: Session
  balance: number
  freeToday: number
  freeExtra: number
  orders: Order[]
  readonly starsPerRub: string
  readonly commands: Command[] = []
  view: View
  notice: Notice | undefined
  reaction: Reaction = {}
  drawings = 0
  #ids = 100

  constructor({
    language = 'ru',
    balance = 0,
    freeToday = 5,
    freeExtra = 0,
    orders = [],
    ...more
  }: Circumstances = {}) {
    this.starsPerRub = more.starsPerRub ?? '1.6'
    this.person = {
      id: personId(7),
      language,
      languageChosen: false,
      firstName: more.firstName ?? 'Анна',
      firstSeenAt: instant(noon - 3_600_000),
    }
    this.session = { version: 1, person: personId(7), chat: chatId(7), revision: 0, place: { at: 'home' } }
    this.balance = balance
    this.freeToday = freeToday
    this.freeExtra = freeExtra
    this.orders = [...orders]
    this.view = this.#draw()
  }

  /** What kind of sentence stands above the screen. */
  noticed(): string | undefined {
    return this.notice?.type
  }

  /** The text on the screen. */
  get text(): string {
    return plain(this.view.text)
  }

  get labels(): readonly string[] {
    return this.view.keyboard.flat().map(({ label }) => label)
  }

  button(begins: string): Button {
    const button = this.view.keyboard.flat().find(({ label }) => label.startsWith(begins))
    assert.ok(button, `a button ${begins} among ${JSON.stringify(this.labels)}`)
    return button
  }

  taps(begins: string): this {
    const button = this.button(begins)
    assert.ok('to' in button, `${begins} leads somewhere`)
    return this.opens(button.to)
  }

  opens(address: Address): this {
    return this.does({ kind: 'opened', address })
  }

  writes(text: string): this {
    return this.does({ kind: 'text', text })
  }

  slash(name: string): this {
    return this.does({ kind: 'command', name, payload: '' })
  }

  sends(file: TakenFile, more: { readonly group?: string; readonly caption?: string } = {}): this {
    return this.does({ kind: 'file', file, ...more })
  }

  learns(file: TakenFile, verdict: FileVerdict = 'picture'): this {
    return this.does({ kind: 'file_checked', file, verdict })
  }

  does(input: Input): this {
    const place = input.kind === 'opened' ? input.address : this.session.place
    const reaction = react(this.see(needsForReacting(this.session, input), place), input)
    this.reaction = reaction
    this.notice = reaction.notice
    if (reaction.command !== undefined) this.#carryOut(reaction.command)
    this.session = nextSession(this.session, reaction, { refused: false })
    if (reaction.still !== true) this.view = this.#draw()
    return this
  }

  see(needs: readonly Need[], place: Address): Seen {
    this.#ids += 1
    return {
      now: this.now,
      person: this.person,
      session: this.session,
      catalog,
      pricing,
      shop: { freeDaily: 5, starsPerRub: this.starsPerRub, botUsername: 'trt_bot', supportTelegram: '@trt_help' },
      texts: textsFor(this.person.language),
      reads: this.#reads(needs, place),
      fresh: { quote: quoteId(minted(this.#ids)), draft: `d${this.#ids}` },
    }
  }

  #reads(needs: readonly Need[], place: Address): Partial<Reads> {
    const page = place.at === 'history' ? place.page : 0
    const all: Reads = {
      balance: kopecks(this.balance),
      free: { today: generations(this.freeToday), extra: generations(this.freeExtra) },
      orders: this.orders.slice(page * ordersPerPage, (page + 1) * ordersPerPage + 1),
      order: this.orders.find(({ id }) =>
        'order' in place ? id === place.order : place.at === 'run' && id === `${place.quote}`,
      ),
      durations: { p50Ms: 20_000, p90Ms: 40_000 },
    }
    // A screen that forgets to say what it reads does not get it here either.
    return Object.fromEntries(Object.entries(all).filter(([need]) => needs.some((each) => each === need)))
  }

  #draw(): View {
    this.drawings += 1
    const { place } = this.session
    const { view, draft } = draw(this.see(needsForDrawing(place), place), place)
    if (draft !== undefined) this.session = { ...this.session, draft }
    return this.notice === undefined ? view : withNotice(view, this.notice, textsFor(this.person.language))
  }

  #carryOut(command: Command): void {
    this.commands.push(command)
    if (command.type === 'set_language') this.person = { ...this.person, language: command.language }
    const draft = this.session.draft
    if (command.type !== 'place_order' || draft?.quote === undefined) return
    const model = catalog.get(draft.offer)?.model ?? ''
    // The order of a quote has the quote's number here, so that it is found by it.
    const base = { ...anOrder(`${command.quote}`), offer: draft.offer, model, values: draft.values }
    this.orders.unshift({ ...base, price: draft.quote.price })
  }
}

/** An order of the first model, just placed. */
export function anOrder(id: string): Extract<Order, { status: 'placed' }> {
  const offer = catalog.offers[0]
  assert.ok(offer)
  return {
    status: 'placed',
    id: orderId(id.padStart(12, '0')),
    person: personId(7),
    chat: chatId(7),
    cid: cid('abc123ff'),
    offer: offer.id,
    model: offer.model,
    values: { prompt: 'кот в скафандре' },
    price: { unit: 'RUB', kopecks: kopecks(63) },
    day: shopDay('2026-11-25'),
    placedAt: noon,
  }
}

export const photo = (n: number, bytes = 100_000): TakenFile => ({
  fileId: `file${n}`,
  uniqueId: `unique${n}`,
  bytes,
  message: messageId(n),
})
