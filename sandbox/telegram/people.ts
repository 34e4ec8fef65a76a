import type { World } from '../world.ts'
import { type Bot, botSchema, type Chat, chatSchema, type Person, personSchema } from './model.ts'
import { padded, Table } from './table.ts'

/** Who takes part: people, bots, and what a pair of them knows of one another. */
export class People {
  readonly #world: World
  readonly #people: Table<Person>
  readonly #chats: Table<Chat>

  constructor(world: World) {
    this.#world = world
    this.#people = new Table(world.shelf, 'telegram/people/', personSchema)
    this.#chats = new Table(world.shelf, 'telegram/chats/', chatSchema)
  }

  /** Ids of people need more than 32 bits, as many real ones do. */
  add(person: Omit<Person, 'id'>): Person {
    const id = this.#world.shelf.next('telegram/person', 7_000_000_001)
    this.#world.feed.publish({ type: 'world', what: 'people' })
    return this.#people.put(padded(id), { ...person, id })
  }

  change(person: Person): Person {
    this.#world.feed.publish({ type: 'world', what: 'people' })
    return this.#people.put(padded(person.id), person)
  }

  find(id: number): Person | undefined {
    return this.#people.get(padded(id))
  }

  all(): readonly Person[] {
    return [...this.#people.values()]
  }

  chat(bot: number, person: number): Chat {
    return this.#chats.get(`${bot}/${person}`) ?? { bot, person, blocked: false, pinned: [] }
  }

  changeChat(chat: Chat): Chat {
    return this.#chats.put(`${chat.bot}/${chat.person}`, chat)
  }

  clear(): void {
    this.#people.clear()
    this.#chats.clear()
  }
}

const tokenShape = /^([1-9]\d{0,15}):[A-Za-z0-9_-]{3,80}$/

export class Bots {
  readonly #world: World
  readonly #bots: Table<Bot>

  constructor(world: World) {
    this.#world = world
    this.#bots = new Table(world.shelf, 'telegram/bots/', botSchema)
  }

  /** The bot of a token, made when it is new; undefined for a token that cannot be one. */
  ofToken(token: string): Bot | undefined {
    const [, number] = tokenShape.exec(token) ?? []
    if (number === undefined || !Number.isSafeInteger(Number(number))) return undefined
    return this.find(Number(number)) ?? this.#add(Number(number))
  }

  find(id: number): Bot | undefined {
    return this.#bots.get(padded(id))
  }

  change(bot: Bot): Bot {
    this.#bots.put(padded(bot.id), bot)
    this.#world.feed.publish({ type: 'world', what: 'bots' })
    return bot
  }

  all(): readonly Bot[] {
    return [...this.#bots.values()]
  }

  /** After the shelf was cleared: bots stay registered. */
  keepAll(): void {
    for (const bot of this.all()) this.#bots.put(padded(bot.id), bot)
  }

  #add(id: number): Bot {
    const first = this.#bots.size === 0
    return this.change({
      id,
      username: first ? 'trt_sandbox_bot' : `sandbox_${id}_bot`,
      firstName: first ? 'Sandbox bot' : `Sandbox bot ${id}`,
      commands: {},
      profile: {},
    })
  }
}
