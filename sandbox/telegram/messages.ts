import type { World } from '../world.ts'
import { type Content, messageSchema, type StoredMessage } from './model.ts'
import { padded, Table } from './table.ts'

/**
 * The messages of every chat. Each change moves the message's cursor past all others and is announced on the feed, so
 * whoever reads a chat from a cursor sees every change exactly once.
 */
export type Draft = Omit<StoredMessage, 'id' | 'date' | 'cursor' | 'deleted' | 'reactions' | 'protectedContent'> &
  Partial<Pick<StoredMessage, 'protectedContent'>>

/** What is older in a chat is forgotten; nobody scrolls further, and memory has an end. */
const messagesPerChatMax = 5000

export class Messages {
  readonly #world: World
  readonly #table: Table<StoredMessage>
  readonly #chats = new Map<string, Map<number, StoredMessage>>()
  readonly #listeners = new Map<string, Set<() => void>>()
  #cursor = 0

  constructor(world: World) {
    this.#world = world
    this.#table = new Table(world.shelf, 'telegram/messages/', messageSchema)
    for (const message of this.#table.values()) {
      this.#chat(message.bot, message.person).set(message.id, message)
      this.#cursor = Math.max(this.#cursor, message.cursor)
    }
  }

  post(draft: Draft): StoredMessage {
    const message = {
      protectedContent: false,
      ...draft,
      id: this.#world.shelf.next(`telegram/message/${draft.bot}`),
      date: Math.floor(this.#world.clock.now() / 1000),
      reactions: [],
      deleted: false,
      cursor: 0,
    }
    const stored = this.#put(message)
    const chat = this.#chat(draft.bot, draft.person)
    const [oldest] = chat.keys()
    if (chat.size > messagesPerChatMax && oldest !== undefined) {
      chat.delete(oldest)
      this.#table.delete(keyOf({ ...stored, id: oldest }))
    }
    return stored
  }

  /** Changes a message; `edited` marks it as edited for the person. */
  change(message: StoredMessage, to: Partial<StoredMessage>, { edited }: { edited: boolean }): StoredMessage {
    const editDate = edited ? { editDate: Math.floor(this.#world.clock.now() / 1000) } : {}
    return this.#put({ ...message, ...to, ...editDate })
  }

  /** Drops the inline keyboard, which an edit without one does. */
  withoutKeyboard(message: StoredMessage): StoredMessage {
    const { inlineKeyboard: _, ...rest } = message
    return rest
  }

  delete(message: StoredMessage): void {
    this.#put({ ...message, deleted: true })
  }

  /** A message that still exists; deleted ones are gone for a bot. */
  find(bot: number, person: number, id: number): StoredMessage | undefined {
    const message = this.any(bot, person, id)
    return message?.deleted === true ? undefined : message
  }

  /** A message, also a deleted one: people may still have its buttons on their screens. */
  any(bot: number, person: number, id: number): StoredMessage | undefined {
    return this.#chats.get(chatKey(bot, person))?.get(id)
  }

  /** Whether anything was ever written between the two. */
  hasChat(bot: number, person: number): boolean {
    return (this.#chats.get(chatKey(bot, person))?.size ?? 0) > 0
  }

  /** What was made, edited or deleted after `cursor`, in the order of the chat. */
  since(bot: number, person: number, cursor: number): readonly StoredMessage[] {
    const chat = this.#chats.get(chatKey(bot, person))
    if (chat === undefined) return []
    return [...chat.values()].filter((message) => message.cursor > cursor)
  }

  /** Calls `wake` after every change in this chat; the returned function ends it. */
  onChange(bot: number, person: number, wake: () => void): () => void {
    const key = chatKey(bot, person)
    const listeners = this.#listeners.get(key) ?? new Set()
    listeners.add(wake)
    this.#listeners.set(key, listeners)
    return () => {
      listeners.delete(wake)
      if (listeners.size === 0) this.#listeners.delete(key)
    }
  }

  clear(): void {
    this.#table.clear()
    this.#chats.clear()
  }

  #put(message: StoredMessage): StoredMessage {
    this.#cursor += 1
    const stored = { ...message, cursor: this.#cursor }
    this.#table.put(keyOf(stored), stored)
    this.#chat(stored.bot, stored.person).set(stored.id, stored)
    this.#world.feed.publish({ type: 'chat', person: stored.person, bot: stored.bot })
    for (const wake of [...(this.#listeners.get(chatKey(stored.bot, stored.person)) ?? [])]) wake()
    return stored
  }

  #chat(bot: number, person: number): Map<number, StoredMessage> {
    const key = chatKey(bot, person)
    const known = this.#chats.get(key)
    if (known !== undefined) return known
    const chat = new Map<number, StoredMessage>()
    this.#chats.set(key, chat)
    return chat
  }
}

const chatKey = (bot: number, person: number) => `${bot}/${person}`
const keyOf = ({ bot, person, id }: StoredMessage) => `${bot}/${person}/${padded(id)}`

/** The content a caption may be changed on. */
export const hasCaption = (content: Content) =>
  content.type === 'media' && !['sticker', 'video_note'].includes(content.file.kind)
