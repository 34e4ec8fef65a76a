import type { TakenFile } from '../catalog/offer.ts'
import type { Address } from '../conversation/address.ts'
import { decodeAddress } from '../conversation/address-codec.ts'
import { troubleView } from '../conversation/order-views.ts'
import { needsForDrawing } from '../conversation/routes.ts'
import type { FileVerdict, Input } from '../conversation/screen.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import { AlreadyFinished, type InboxItem, type Received } from '../inbox/inbox.ts'
import type { ParsedUpdate, Sender, What } from '../inbox/update.ts'
import { after } from '../kit/clock.ts'
import { type ChatId, type Cid, chatOfPerson, type MessageId, type PersonId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Person } from '../people/person.ts'
import type { Permit } from '../permit.ts'
import type { Store, Tx } from '../store.ts'
import { createFacts, type Facts } from '../telemetry/facts.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type Before, type ConverseDeps, converse, type Turn } from './converse.ts'
import { greet } from './greet.ts'
import { noteBlocked, noteUnblocked } from './note-blocked.ts'
import { canReadAhead, loadReads } from './reads.ts'
import { takeBack } from './take-back.ts'
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
        return await noteBlocked(tx, sender, clock.now())
      case 'unblocked':
        return await noteUnblocked(tx, sender, item.cid, clock.now())
      case 'successful_payment': {
        const { starsPerRub } = deps.shop()
        const terms = { starsPerRub, catalog: deps.catalog, now: clock.now() }
        return await takePayment(tx, sender, what, item.cid, terms, facts)
      }
      case 'refunded_payment':
        return await takeBack(tx, sender.id, what, item.cid, clock.now())
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
    const person = await greet(tx, sender, before.known, clock.now())
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
    const person = await greet(tx, sender, before.known, clock.now())
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
