import type { TakenFile } from '../catalog/offer.ts'
import type { Address } from '../conversation/address.ts'
import { decodeAddress } from '../conversation/address-codec.ts'
import { nextPlace } from '../conversation/draft.ts'
import { creditedView, troubleView } from '../conversation/order-views.ts'
import { needsForDrawing } from '../conversation/routes.ts'
import type { FileVerdict, Input } from '../conversation/screen.ts'
import type { Draft } from '../conversation/session.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import { createFacts, type Facts } from '../errands/record-observation.ts'
import { AlreadyFinished, type InboxItem, type Received } from '../inbox/inbox.ts'
import type { ParsedUpdate, Sender, What } from '../inbox/update.ts'
import { after } from '../kit/clock.ts'
import { type ChatId, type Cid, chatOfPerson, type MessageId, type PersonId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { isOnItsWay } from '../orders/order.ts'
import { languageOf, type Person } from '../people/person.ts'
import type { Permit, Store, Tx } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Before, type ConverseDeps, converse, type Turn } from './converse.ts'
import { canReadAhead, loadReads } from './reads.ts'
import { takePayment } from './take-payment.ts'

/**
 * The step that handles one update: one transaction in which the item is finished and everything that follows from it
 * is written. An item that was finished already has no second effect.
 */
export type HandleUpdateDeps = ConverseDeps & {
  readonly store: Store
  /** Reads the stored body; the only part that knows Telegram's JSON. */
  readonly parse: (body: string) => ParsedUpdate
  readonly telemetry: Telemetry
}

/** Whose file was checked, and in which story. */
export type FileOwner = { readonly person: PersonId; readonly cid: Cid }

export function createHandleUpdate(deps: HandleUpdateDeps) {
  const { store, parse, telemetry, clock } = deps

  /** Handles what `stored` resolves with; looks up meanwhile what that will need. Undefined has no effect. */
  async function handle(permit: Permit, arriving: Received, stored: Promise<InboxItem | undefined>): Promise<void> {
    const facts = createFacts(telemetry)
    const update = parse(arriving.body)
    try {
      await store.transact(permit, async (tx) => {
        const [item, before] = await Promise.all([stored, lookBack(tx, update)])
        if (item === undefined) return
        tx.closeWith([tx.inbox.mustFinish(item.id, clock.now())])
        await follow(tx, item, update, before, facts)
      })
    } catch (error) {
      if (error instanceof AlreadyFinished) return
      throw error
    }
    if ((await stored) !== undefined) facts.tell()
  }

  /** What is known of the one who speaks, and what the place they ask for reads: all in one round trip. */
  async function lookBack(tx: Tx, { person, chat, what }: ParsedUpdate): Promise<Known> {
    if (person === undefined || !isTalk(what)) return { talk: undefined }
    const tapped = what.type === 'tap' ? what.message?.id : undefined
    const address = what.type === 'tap' && what.data !== undefined ? decodeAddress(what.data) : undefined
    const [known, talk, ownsTapped, ahead] = await Promise.all([
      tx.people.get(person.id),
      tx.sessions.lock(chat?.id ?? chatOfPerson(person.id)),
      tapped === undefined ? false : tx.orders.ownsMessage(person.id, tapped),
      address === undefined ? undefined : readAhead(tx, person.id, address),
    ])
    return { known, talk, ownsTapped, address, ...(ahead === undefined ? {} : { ahead }) }
  }

  async function readAhead(tx: Tx, person: PersonId, place: Address): Promise<Known['ahead']> {
    const needs = needsForDrawing(place)
    if (needs.length === 0 || !canReadAhead(needs)) return undefined
    const where = { person: { id: person }, day: deps.dayAt(clock.now()), place, session: undefined }
    return { place, reads: await loadReads(tx, needs, where) }
  }

  async function follow(tx: Tx, item: InboxItem, update: ParsedUpdate, before: Known, facts: Facts): Promise<void> {
    const { what, chat, person: sender } = update
    // Nobody to answer: groups, channels, kinds without a person, and the operators' probe that names no chat.
    if (sender === undefined || (chat !== undefined && chat.type !== 'private')) return
    switch (what.type) {
      case 'unknown':
        if (what.problem !== undefined) await tellUnreadable(tx, item, what.problem)
        return
      case 'service':
      case 'edited':
      case 'pre_checkout':
        return
      case 'blocked':
      case 'unblocked':
        return await noteBlocked(tx, sender, what.type === 'blocked', item)
      case 'successful_payment': {
        const person = await meet(tx, sender)
        return await pay(tx, person, what, item, facts)
      }
      case 'refunded_payment':
        return await takeBack(tx, sender, what, item)
      case 'text':
      case 'command':
      case 'photo':
      case 'document':
      case 'unsupported':
        if (chat === undefined) return
        return await listen(tx, item, sender, chat.id, what, before, facts)
      case 'tap':
        return await tapped(tx, item, sender, chat?.id ?? chatOfPerson(sender.id), what, before, facts)
      default:
        return unreachable(what, 'handleUpdate')
    }
  }

  type Said = Extract<What, { type: 'text' | 'command' | 'photo' | 'document' | 'unsupported' }>
  async function listen(
    tx: Tx,
    item: InboxItem,
    sender: Sender,
    chat: ChatId,
    what: Said,
    before: Known,
    facts: Facts,
  ): Promise<void> {
    const person = await greet(tx, sender, before.known)
    const { cid } = item
    if (what.type === 'command') facts.add((t) => t.tell('COMMAND_RECEIVED', { cid, command: `/${what.name}` }))
    else facts.add((t) => t.tell('MESSAGE_RECEIVED', { cid, message: what.type }))
    await converse(tx, deps, { person, chat, cid, input: inputOf(what) }, before, facts)
  }

  async function tapped(
    tx: Tx,
    item: InboxItem,
    sender: Sender,
    chat: ChatId,
    what: Extract<What, { type: 'tap' }>,
    before: Known,
    facts: Facts,
  ): Promise<void> {
    const person = await greet(tx, sender, before.known)
    const { cid } = item
    const { address } = before
    const input: Input = address === undefined ? { kind: 'unknown_button' } : { kind: 'opened', address }
    facts.add((t) => t.tell('CALLBACK_RECEIVED', { cid, callback_id: what.id, update_id: item.updateId }))
    facts.add((t) => t.tell('CALLBACK_ROUTED', { cid, handler: address?.at ?? 'unknown' }))
    const turn: Turn = { person, chat, cid, input, tapped: { id: what.id, ...drawnOver(what, before) } }
    const turned = await converse(tx, deps, turn, before, facts)
    facts.add((t) => {
      if (input.kind === 'unknown_button') t.tell('CALLBACK_REJECTED', { cid, reason_code: 'UNKNOWN_CALLBACK' })
      else if (turned.refused) t.tell('CALLBACK_REJECTED', { cid, reason_code: 'VALIDATION_FAIL' })
      else t.tell('CALLBACK_ACCEPTED', { cid })
    })
  }

  /** A payment or refund that did not read is not lost in silence: its update is kept, and the operator is told. */
  async function tellUnreadable(tx: Tx, { updateId, kind, cid }: InboxItem, problem: string): Promise<void> {
    const what = `Update ${updateId} (${kind}) could not be read: ${problem}. It is kept in the inbox.`
    await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
  }

  /** The person as we know them, brought up to date; who writes has not blocked the bot. */
  const meet = async (tx: Tx, sender: Sender): Promise<Person> =>
    await greet(tx, sender, await tx.people.get(sender.id))

  async function greet(tx: Tx, sender: Sender, known: Person | undefined): Promise<Person> {
    const language = known?.languageChosen ? known.language : languageOf(sender.languageCode)
    const person: Person = {
      id: sender.id,
      language,
      languageChosen: known?.languageChosen ?? false,
      firstName: sender.firstName,
      firstSeenAt: known?.firstSeenAt ?? clock.now(),
      ...(sender.username === undefined ? {} : { username: sender.username }),
      ...(known?.bannedAt === undefined ? {} : { bannedAt: known.bannedAt }),
    }
    if (known === undefined || !samePerson(known, person)) await tx.people.save(person)
    return person
  }

  async function noteBlocked(tx: Tx, sender: Sender, blocked: boolean, item: InboxItem): Promise<void> {
    const person = await meet(tx, sender)
    if (blocked) {
      await tx.people.save({ ...person, blockedBotAt: clock.now() })
      return
    }
    // What was kept for them meanwhile is sent now.
    const waiting = (await tx.orders.recent(sender.id, { skip: 0, take: 20 })).filter(isOnItsWay)
    await tx.errands.add(
      waiting.map((order) => ({ errand: { kind: 'deliver', order: order.id, chat: order.chat }, cid: item.cid })),
    )
  }

  /** Stars that Telegram gave back, without us or by our own refund: the money they bought goes too. */
  async function takeBack(
    tx: Tx,
    { id }: Sender,
    { charge, totalAmount }: Extract<What, { type: 'refunded_payment' }>,
    { cid }: InboxItem,
  ): Promise<void> {
    const reversed = await tx.ledger.reverse({ charge, at: clock.now(), cid })
    if (reversed === 'already_reversed') return
    const end =
      reversed === 'reversed'
        ? 'What they bought was taken back.'
        : 'No such payment is known, so nothing was taken back.'
    const what = `Telegram gave ${totalAmount} Stars back to person ${id} (charge ${charge}). ${end}`
    await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
  }

  async function pay(
    tx: Tx,
    person: Person,
    what: Extract<What, { type: 'successful_payment' }>,
    { cid }: InboxItem,
    facts: Facts,
  ): Promise<void> {
    const payment = {
      person: person.id,
      chat: chatOfPerson(person.id),
      charge: what.charge,
      payload: what.payload,
      totalAmount: what.totalAmount,
      currency: what.currency,
      at: clock.now(),
      cid,
    }
    const { starsPerRub } = deps.shop()
    const texts = textsFor(person.language)
    const draft = await draftThatWaits(tx, payment.chat)
    await takePayment(tx, payment, starsPerRub, (amount, balance) => creditedView(texts, amount, balance, draft), facts)
  }

  /** A draft whose every question is answered: the way back from a payment leads to it. */
  async function draftThatWaits(tx: Tx, chat: ChatId): Promise<Draft | undefined> {
    const draft = (await tx.sessions.get(chat))?.session.draft
    const offer = draft === undefined ? undefined : deps.catalog.get(draft.offer)
    if (draft === undefined || offer === undefined) return undefined
    return nextPlace(offer, draft).at === 'confirm' ? draft : undefined
  }

  return {
    handle: (permit: Permit, item: InboxItem) => handle(permit, item, Promise.resolve(item)),
    handleAhead: handle,

    /** Puts an item back for later; the attempt counts. */
    async postpone(permit: Permit, item: InboxItem, { ms, error }: { ms: number; error: string }) {
      const until = after(clock.now(), ms)
      await store.transact(permit, (tx) => tx.inbox.postpone(item.id, { until, error }))
    },

    /** Sets an item aside and tells the person, with the code that leads to its story; a tap is answered all the same. */
    async shelve(permit: Permit, item: InboxItem, error: string) {
      const { person, tap } = originOf(item)
      await store.transact(permit, async (tx) => {
        await tx.inbox.shelve(item.id, clock.now(), error)
        if (person === undefined) return
        const known = await tx.people.get(person)
        const view = troubleView(textsFor(known?.language ?? 'ru'), item.cid)
        const what = `Update ${item.updateId} failed five times and was set aside: ${error}`
        await tx.errands.add([
          ...(tap === undefined ? [] : [{ errand: { kind: 'answer_tap', tap } as const, cid: item.cid }]),
          { errand: { kind: 'say', chat: chatOfPerson(person), view }, cid: item.cid },
          { errand: { kind: 'tell_operator', what }, cid: item.cid },
        ])
      })
    },

    /** The step that tells the wizard how a file turned out. */
    async fileChecked(permit: Permit, { person, cid }: FileOwner, file: TakenFile, verdict: FileVerdict) {
      const facts = createFacts(telemetry)
      await store.transact(permit, async (tx) => {
        const chat = chatOfPerson(person)
        const [known, talk] = await Promise.all([tx.people.get(person), tx.sessions.lock(chat)])
        if (known === undefined) return
        const input: Input = { kind: 'file_checked', file, verdict }
        await converse(tx, deps, { person: known, chat, cid, input }, { talk }, facts)
      })
      facts.tell()
    },
  }

  /** Whoever it came from, as far as that can be read, and the tap that they wait for to be answered. */
  function originOf(item: InboxItem): { readonly person?: PersonId | undefined; readonly tap?: string } {
    try {
      const { person, what } = parse(item.body)
      return { person: person?.id, ...(what.type === 'tap' ? { tap: what.id } : {}) }
    } catch {
      return {}
    }
  }
}

/** What a step knows before it follows: also who speaks, where they want to go, whether the tapped message shows an order. */
type Known = Before & {
  readonly known?: Person | undefined
  readonly address?: Address | undefined
  readonly ownsTapped?: boolean
}

/** What the conversation answers; everything else is noted without it. */
const isTalk = ({ type }: What): boolean =>
  ['text', 'command', 'photo', 'document', 'unsupported', 'tap'].includes(type)

/** A text message, unless it shows an order: a picture keeps its caption, a progress message its order. */
function drawnOver({ message }: Extract<What, { type: 'tap' }>, { ownsTapped }: Known): { message?: MessageId } {
  if (message === undefined || !message.hasText || message.inaccessible || ownsTapped) return {}
  return { message: message.id }
}

function inputOf(what: Extract<What, { type: 'text' | 'command' | 'photo' | 'document' | 'unsupported' }>): Input {
  switch (what.type) {
    case 'text':
      return { kind: 'text', text: what.text }
    case 'command':
      return { kind: 'command', name: what.name, payload: what.payload }
    case 'photo':
    case 'document': {
      const { fileId, uniqueId, bytes, group, caption } = what
      const more = { ...(group === undefined ? {} : { group }), ...(caption === undefined ? {} : { caption }) }
      return { kind: 'file', file: { fileId, uniqueId, bytes }, ...more }
    }
    case 'unsupported':
      return { kind: 'unsupported' }
    default:
      return unreachable(what, 'inputOf')
  }
}

const samePerson = (a: Person, b: Person): boolean =>
  a.language === b.language &&
  a.firstName === b.firstName &&
  a.username === b.username &&
  a.blockedBotAt === b.blockedBotAt &&
  a.bannedAt === b.bannedAt
