import { setTimeout as pause } from 'node:timers/promises'
import { type Latency, latencyOf } from './figures.ts'
import { asFastAsPossible, atPace, openSender, type Target } from './load.ts'
import type { Call, Telegram } from './telegram.ts'
import { tapUpdate, textMessage } from './updates.ts'

/** People who have begun to talk with a bot and now tap its menu: to and fro between two screens, one after the other. */
export type Talks = {
  /** Taps at a fixed pace, each by the next person; everything that belongs to it is awaited. */
  tapFor(seconds: number, perSecond: number): Promise<Seen>
  /** Taps on an amount to top up by: how long it takes until the invoice for it comes. */
  topUpFor(seconds: number, perSecond: number): Promise<Latency>
  /** As many taps as so many connections can carry; the next one follows when the one before is acknowledged. */
  tapAsFastAsPossible(seconds: number, connections: number): Promise<Handled>
  close(): void
}
export type Handled = {
  readonly acks: number
  readonly edits: number
  /** Edits a second, from the first tap to the last edit. */
  readonly perSecond: number
}
export type Seen = {
  readonly ack: Latency
  /** From handing over the tap to the arrival of the call that it caused. */
  readonly edit: Latency
  readonly answer: Latency
  /** Taps whose edit had not come when the same person tapped again, or at all. */
  readonly unanswered: number
}

type Talk = { readonly person: number; message: number; taps: number; tappedAt: number | undefined }

/** Telegram waits this long for what is still on its way. */
const patienceMs = 20_000
/** Telegram's default number of connections to a webhook is 40. */
const connections = 40

export async function openTalks(
  telegram: Telegram,
  target: Target,
  { people, firstPerson }: { readonly people: number; readonly firstPerson: number },
): Promise<Talks> {
  const sender = await openSender(target, connections)
  const talks = new Map<number, Talk>()
  const tapped = new Map<string, number>()
  let edits: number[] = []
  let answers: number[] = []
  let turn = 0

  /** The tap of the person whose turn it is, by default on the button that leads to the other one of two screens. */
  function nextTap(wanted?: string): { readonly talk: Talk; readonly id: string; readonly body: string } {
    const talk = everybody[turn % everybody.length]
    if (talk === undefined) throw new Error('nobody taps')
    turn += 1
    talk.taps += 1
    const id = `${talk.person}-${talk.taps}`
    const data = wanted ?? (talk.taps % 2 === 1 ? 'menu:help' : 'back_to_menu')
    return { talk, id, body: tapUpdate({ id, person: talk.person, message: talk.message, data }) }
  }

  function hear({ method, fields, atMs }: Call): void {
    const talk = talks.get(Number(fields.get('chat_id')))
    const message = Number(fields.get('message_id'))
    if (method === 'sendMessage' && talk !== undefined) talk.message = message
    if (method === 'editMessageText' && talk?.message === message && talk.tappedAt !== undefined) {
      edits.push(atMs - talk.tappedAt)
      talk.tappedAt = undefined
    }
    const tap = String(fields.get('callback_query_id'))
    const tappedAt = method === 'answerCallbackQuery' ? tapped.get(tap) : undefined
    if (tappedAt !== undefined) {
      answers.push(atMs - tappedAt)
      tapped.delete(tap)
    }
  }

  async function until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!condition() && performance.now() < deadline) await pause(5)
  }

  telegram.hear(hear)
  for (let index = 0; index < people; index++) {
    const person = firstPerson + index
    talks.set(person, { person, message: 0, taps: 0, tappedAt: undefined })
    sender.send(textMessage(person, '/start'))
    await pause(2)
  }
  const everybody = [...talks.values()]
  await until(() => everybody.every(({ message }) => message > 0))
  if (everybody.some(({ message }) => message === 0)) throw new Error('somebody got no answer to /start')

  return {
    async tapFor(seconds, perSecond) {
      // The next contender's people are heard by theirs.
      telegram.hear(hear)
      const acks: number[] = []
      let unanswered = 0
      edits = []
      answers = []
      await atPace(perSecond, seconds, () => {
        const { talk, id, body } = nextTap()
        if (talk.tappedAt !== undefined) unanswered += 1
        talk.tappedAt = performance.now()
        tapped.set(id, talk.tappedAt)
        sender.send(body, (tookMs) => acks.push(tookMs))
      })
      await sender.settled()
      await until(() => everybody.every(({ tappedAt }) => tappedAt === undefined) && tapped.size === 0)
      unanswered += everybody.filter(({ tappedAt }) => tappedAt !== undefined).length
      for (const talk of everybody) talk.tappedAt = undefined
      tapped.clear()
      return { ack: latencyOf(acks), edit: latencyOf(edits), answer: latencyOf(answers), unanswered }
    },
    async topUpFor(seconds, perSecond) {
      const invoices: number[] = []
      const asked = new Map<number, number>()
      telegram.hear(({ method, fields, atMs }) => {
        const person = Number(fields.get('chat_id'))
        const askedAt = method === 'sendInvoice' ? asked.get(person) : undefined
        if (askedAt === undefined) return
        invoices.push(atMs - askedAt)
        asked.delete(person)
      })
      await atPace(perSecond, seconds, () => {
        const { talk, body } = nextTap('1:top_up_amount:10000')
        asked.set(talk.person, performance.now())
        sender.send(body)
      })
      await sender.settled()
      await until(() => asked.size === 0)
      if (asked.size > 0) throw new Error(`${asked.size} invoices did not come`)
      return latencyOf(invoices)
    },
    async tapAsFastAsPossible(seconds, connections) {
      let made = 0
      const started = performance.now()
      let lastAt = started
      telegram.hear(({ method, atMs }) => {
        if (method !== 'editMessageText') return
        made += 1
        lastAt = atMs
      })
      const next = () => nextTap().body
      const { latency, refused } = await asFastAsPossible(target, { connections, seconds, next })
      if (refused > 0) throw new Error(`${refused} taps were not acknowledged`)
      await until(() => made >= latency.count)
      return { acks: latency.count, edits: made, perSecond: made / ((lastAt - started) / 1_000) }
    },
    close: () => sender.close(),
  }
}
