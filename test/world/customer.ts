import { setTimeout as pause } from 'node:timers/promises'
import { buttonsOf, type Message, type Person } from '../fixtures/person.ts'
import { type Choose, oneOf } from '../fixtures/seed.ts'
import { picture } from '../journeys/steps.ts'

/**
 * A customer who mostly knows what they want (a picture, money on the balance) and follows it button by button, and now and
 * then does something else: taps whatever is there, sends what nobody asked for, blocks the bot. They never wait long.
 */
export type Customer = {
  readonly person: Person
  readonly acts: readonly Act[]
  /** What they paid for, in kopecks, by charge. */
  readonly paid: ReadonlyMap<string, number>
  /** Of these, what Telegram gave back. */
  readonly refunded: ReadonlySet<string>
  isAway(): boolean
  /** Does one thing and says what. */
  act(): Promise<string>
  /** Is back and wants nothing any more. */
  comesBack(): Promise<void>
  /** What they began and did not wait for is over. */
  rests(): Promise<void>
}

/** One thing they did that wants an answer. */
export type Act = {
  readonly what: string
  /** Where the chat stood before it. */
  readonly moment: number
  /** The newest message of the chat then. */
  readonly lastMessage: number
  readonly tap?: string
  /** Nothing could reach them before an answer was due. */
  isCutOff: boolean
}

type Step =
  | { readonly says: string }
  | { readonly taps: RegExp }
  | { readonly sends: 'photo' | 'album' | 'file' | 'voice' }
  | { readonly pays: 'pay' | 'decline' | 'abandon' }
  | { readonly refund: true }
  | { readonly blocks: true }

/** How long they look for the next button of what they want. */
const buttonWithinMs = 200
/** So often they look for it before they want something else. */
const missesMax = 2
const sendable = ['photo', 'album', 'file', 'voice'] as const
const commands = ['/start', '/help', '/models', '/balance', '/history', '/status', '/cancel', '/unknown'] as const

/** As it is without a setting. */
const starsPerRub = 1.6

/** `charge`: fifty roubles that they have paid before. */
export function createCustomer(person: Person, charge: string, choose: Choose): Customer {
  const acts: Act[] = []
  const paid = new Map([[charge, 50_00]])
  const refunded = new Set<string>()
  const inHand = new Set<Promise<void>>()
  let plan: Step[] = []
  let isAway = false
  let words = 0
  /** Looks in vain for what they want. */
  let misses = 0

  function newWords(): string {
    words += 1
    return `${person.name} ${words}: ${['лес', 'дом', 'кот', 'мост'][choose(4)]}`
  }
  const visible = () => person.chat().filter(({ from }) => from === 'bot')

  function wants(): Step[] {
    const model = oneOf<RegExp>(
      [
        [1, /Z-Image · /],
        [2, /Seedream 5\.0 Flash · /],
      ],
      choose,
    )
    const toModel: Step[] = [{ says: '/models' }, { taps: model }]
    const run: Step = { taps: /^Запустить/ }
    return oneOf<Step[]>(
      [
        [8, [...toModel, { says: newWords() }, run]],
        [
          2,
          [
            { says: '/models' },
            { taps: /5\.0 Flash Edit · / },
            { sends: 'album' },
            { taps: /Хватит/ },
            { says: newWords() },
            run,
          ],
        ],
        [1, [{ says: '/balance' }, { taps: /Пополнить/ }, { taps: /^50 ₽/ }, { pays: 'pay' }]],
        [1, [{ taps: /Ещё раз/ }, run]],
        [1, [{ refund: true }]],
      ],
      choose,
    )
  }

  function whim(): Step {
    return oneOf<Step>(
      [
        [4, { taps: /./ }],
        [2, { says: newWords() }],
        [2, { says: commands[choose(commands.length)] ?? '/start' }],
        [2, { sends: sendable[choose(sendable.length)] ?? 'photo' }],
        [1, { taps: /Оригинал|Отменить|Не показывать|Ещё раз/ }],
        [
          1,
          {
            pays: oneOf(
              [
                [1, 'pay'],
                [1, 'decline'],
                [1, 'abandon'],
              ],
              choose,
            ),
          },
        ],
        [1, { refund: true }],
        [1, { blocks: true }],
      ],
      choose,
    )
  }

  /** The newest message that has such a button, and one of its buttons; soon, or not at all. */
  async function findButton(label: RegExp): Promise<{ on: Message; text: string } | undefined> {
    const untilMs = performance.now() + buttonWithinMs
    let leftMs = 0
    for (;;) {
      await person.looks(leftMs)
      const newestFirst = visible().toReversed()
      for (const on of newestFirst) {
        const fitting = buttonsOf(on).filter(({ text, callback_data: data }) => data !== undefined && label.test(text))
        const button = fitting[choose(Math.max(1, fitting.length))]
        if (button !== undefined) return { on, text: button.text }
      }
      leftMs = Math.ceil(untilMs - performance.now())
      if (leftMs <= 0) return undefined
    }
  }

  function note(what: string, tap?: string): string {
    const lastMessage = Math.max(0, ...person.chat().map(({ message_id }) => message_id))
    acts.push({ what, moment: person.actedAt(), lastMessage, isCutOff: false, ...(tap === undefined ? {} : { tap }) })
    return what
  }

  async function does(step: Step): Promise<string> {
    if ('says' in step) {
      await person.says(step.says)
      return note(`writes «${step.says}»`)
    }
    if ('taps' in step) {
      const found = await findButton(step.taps)
      if (found === undefined) {
        misses += 1
        plan = misses < missesMax ? [step, ...plan] : []
        return `finds no button ${step.taps}`
      }
      const tap = await person.tapsAndGoes(found.text, found.on)
      return note(`taps «${found.text}» on #${found.on.message_id}`, tap)
    }
    if ('sends' in step) {
      await sends(step.sends)
      return note(`sends ${step.sends}`)
    }
    if ('pays' in step) return await pays(step.pays)
    if ('refund' in step) return await isRefunded()
    // Whatever was under way reaches them no more.
    for (const act of acts) act.isCutOff = true
    isAway = true
    await person.blocks()
    return 'blocks the bot'
  }

  async function sends(what: (typeof sendable)[number]): Promise<void> {
    const one = () => picture(choose(1_000), 'image/jpeg')
    switch (what) {
      case 'photo':
        return void (await person.sends({ photo: one(), caption: newWords() }))
      case 'album': {
        const group = String(1 + choose(1_000_000))
        return await person.sendsAtOnce([one(), one(), one()].map((photo) => ({ photo, group })))
      }
      case 'file':
        return void (await person.sends({ document: { bytes: one(), name: 'a.jpg', mime: 'image/jpeg' } }))
      case 'voice':
        return void (await person.sends({ voice: Buffer.from('OggS: not much of a voice') }))
    }
  }

  async function pays(outcome: 'pay' | 'decline' | 'abandon'): Promise<string> {
    const isOpen = (message: Message) => message.invoice !== undefined && !message.deleted
    const invoice = visible().findLast(isOpen)
    if (invoice === undefined) return 'finds no invoice'
    const going = person.pays(outcome, invoice).then(({ outcome: ended, charge_id: charge }) => {
      if (ended === 'paid' && charge !== undefined) {
        paid.set(charge, ((invoice.invoice?.total_amount ?? 0) * 100) / starsPerRub)
        note('has paid')
      }
    })
    const kept = going.finally(() => inHand.delete(kept))
    inHand.add(kept)
    // A shop that does not answer keeps nobody at the counter.
    await Promise.race([kept, pause(300)])
    return `pays an invoice: ${outcome}`
  }

  async function isRefunded(): Promise<string> {
    const newest = [...paid.keys()].findLast((each) => !refunded.has(each))
    if (newest === undefined) return 'has nothing that could be given back'
    await person.isRefunded(newest)
    refunded.add(newest)
    return note('is given Stars back by Telegram')
  }

  async function comesBack(): Promise<void> {
    plan = []
    if (!isAway) return
    await person.unblocks()
    isAway = false
  }

  return {
    person,
    acts,
    paid,
    refunded,
    isAway: () => isAway,
    async act() {
      if (isAway) {
        await comesBack()
        await person.says('/start')
        return note('is back and writes «/start»')
      }
      if (choose(6) === 0) return await does(whim())
      if (plan.length === 0) {
        plan = wants()
        misses = 0
      }
      const [step = whim()] = plan.splice(0, 1)
      return await does(step)
    },
    comesBack,
    async rests() {
      await Promise.all(inHand)
    },
  }
}
