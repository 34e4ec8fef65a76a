import type { TakenFile } from '../catalog/offer.ts'
import { troubleView } from '../conversation/order-views.ts'
import type { FileVerdict, Input } from '../conversation/screen.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import { AlreadyFinished, type InboxItem } from '../inbox/inbox.ts'
import type { ParsedUpdate, Sender } from '../inbox/update.ts'
import { after } from '../kit/clock.ts'
import { type Cid, chatOfPerson, type PersonId } from '../kit/ids.ts'
import type { Permit } from '../permit.ts'
import type { Store, Tx } from '../store.ts'
import { createFacts, type Facts } from '../telemetry/facts.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type ConverseDeps, converse, type Turned } from './converse.ts'
import { greet } from './greet.ts'
import { noteBlocked, noteUnblocked } from './note-blocked.ts'
import type { Screens } from './screens.ts'
import { takeBack } from './take-back.ts'
import { takePayment } from './take-payment.ts'
import {
  isAboutMoney,
  type MoneyUpdate,
  noteTurn,
  type Talk,
  talkOf,
  tappedMessage,
  turnOf,
  type WroteIn,
} from './turn.ts'

/**
 * The step that handles one stored update: one transaction in which the item is finished and everything that follows from
 * it is written; the screen is shown after the commit. An item that was finished already has no second effect.
 */
export type HandleUpdateDeps = ConverseDeps & {
  readonly store: Store
  /** Reads the stored body; the only part that knows Telegram's JSON. */
  readonly parse: (body: string, parsed?: unknown) => ParsedUpdate
  readonly screens: Screens
  readonly telemetry: Telemetry
}

/** Whose file was checked, and in which story. */
export type FileOwner = { readonly person: PersonId; readonly cid: Cid }

type Origin = { readonly person?: PersonId | undefined; readonly tap?: string; readonly wroteIn?: WroteIn }

export function createHandleUpdate(deps: HandleUpdateDeps) {
  const { store, parse, screens, telemetry, clock } = deps

  async function handle(permit: Permit, item: InboxItem): Promise<void> {
    const facts = createFacts(telemetry)
    const update = parse(item.body, item.parsed)
    const talk = talkOf(update)
    try {
      const turned = await store.transact(permit, async (tx) => {
        tx.closeWith([tx.inbox.mustFinish(item.id, clock.now())])
        if (talk !== undefined) return await answer(tx, item, talk, facts)
        await follow(tx, item, update, facts)
        return undefined
      })
      facts.emit()
      if (turned?.drawn !== undefined) screens.show(permit, turned.kept)
    } catch (error) {
      if (!(error instanceof AlreadyFinished)) throw error
    }
  }

  async function answer(tx: Tx, item: InboxItem, talk: Talk, facts: Facts): Promise<Turned> {
    const { sender, chat } = talk
    const message = tappedMessage(talk)
    const [known, kept, ownsTapped] = await Promise.all([
      tx.people.get(sender.id),
      tx.sessions.lock(chat),
      message === undefined ? false : tx.orders.ownsMessage(sender.id, message),
    ])
    const person = await greet(tx, sender, known, clock.now())
    const turned = await converse(tx, deps, turnOf(talk, person, ownsTapped, item.cid), kept, facts)
    noteTurn(facts, item, talk, turned)
    return turned
  }

  /** What is no part of a conversation. */
  async function follow(tx: Tx, item: InboxItem, update: ParsedUpdate, facts: Facts): Promise<void> {
    const { what, chat, person } = update
    if (isAboutMoney(what)) return await followMoney(tx, item, what, person, facts)
    if (person === undefined || (chat !== undefined && chat.type !== 'private')) return
    const now = clock.now()
    switch (what.type) {
      case 'unknown':
        if (what.problem !== undefined) await emitUnreadable(tx, item, what.problem)
        return
      case 'blocked':
        return await noteBlocked(tx, person, now)
      case 'unblocked':
        return await noteUnblocked(tx, person, item.cid, now)
      default:
        // Nothing follows from any other kind (`isWithoutEffect`).
        return
    }
  }

  /** In a group as in a private chat; what is said goes to the private one. */
  async function followMoney(
    tx: Tx,
    item: InboxItem,
    what: MoneyUpdate,
    person: Sender | undefined,
    facts: Facts,
  ): Promise<void> {
    if (what.type === 'unreadable_money') return await emitUnreadable(tx, item, what.problem)
    if (person === undefined) return await emitUnreadable(tx, item, `it names no person (charge ${what.charge})`)
    const now = clock.now()
    if (what.type === 'refunded_payment') return await takeBack(tx, person, what, item.cid, now)
    const terms = { starsPerRub: deps.shop().starsPerRub, catalog: deps.catalog, now }
    await takePayment(tx, person, what, item.cid, terms, facts)
  }

  /** What should have been read is not lost in silence: its update is kept, and the operator is told. */
  async function emitUnreadable(tx: Tx, { updateId, kind, cid }: InboxItem, problem: string): Promise<void> {
    const what = `Update ${updateId} (${kind}) could not be read: ${problem}. It is kept in the inbox.`
    await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
  }

  return {
    handle,

    /** Puts an item back for later; the attempt counts. */
    async retryLater(permit: Permit, item: InboxItem, { ms, error }: { ms: number; error: string }) {
      const until = after(clock.now(), ms)
      await store.transact(permit, (tx) => tx.inbox.retryLater(item.id, { until, error }))
    },

    /** Shelves an item and tells the person, with the code that leads to its story; a tap is answered all the same. */
    async shelve(permit: Permit, item: InboxItem, error: string) {
      const { person, tap, wroteIn } = originOf(item)
      await store.transact(permit, async (tx) => {
        await tx.inbox.shelve(item.id, clock.now(), error)
        if (person === undefined) return
        const known = await tx.people.get(person)
        const view = troubleView(textsFor(known?.language ?? 'ru'), item.cid)
        const what = `Update ${item.updateId} failed five times and was set aside: ${error}`
        await tx.errands.add([
          ...(tap === undefined ? [] : [{ errand: { kind: 'answer_tap', tap } as const, cid: item.cid }]),
          { errand: { kind: 'say', chat: chatOfPerson(person), ...wroteIn, view }, cid: item.cid },
          { errand: { kind: 'tell_operator', what }, cid: item.cid },
        ])
      })
    },

    /** The step that tells the wizard how a file turned out. */
    async fileChecked(permit: Permit, { person, cid }: FileOwner, file: TakenFile, verdict: FileVerdict) {
      const facts = createFacts(telemetry)
      const chat = chatOfPerson(person)
      const turned = await store.transact(permit, async (tx) => {
        const [known, kept] = await Promise.all([tx.people.get(person), tx.sessions.lock(chat)])
        if (known === undefined) return undefined
        const input: Input = { kind: 'file_checked', file, verdict }
        const checked = await converse(tx, deps, { person: known, chat, cid, input }, kept, facts)
        const { drawn } = checked
        if (drawn !== undefined) facts.add((t) => t.emit('UI_RENDER', { cid, screen_id: drawn.screen }))
        return checked
      })
      facts.emit()
      if (turned?.drawn !== undefined) screens.show(permit, turned.kept)
    },
  }

  /** Who it came from, as far as that can be read, and the tap that they wait for to be answered. */
  function originOf(item: InboxItem): Origin {
    try {
      const { person, chat, what } = parse(item.body, item.parsed)
      const isPrivate = chat?.type === 'private' && chat.topic !== undefined
      return {
        person: person?.id,
        ...(what.type === 'tap' ? { tap: what.id } : {}),
        ...(isPrivate ? { wroteIn: { topic: chat.topic } } : {}),
      }
    } catch {
      return {}
    }
  }
}
