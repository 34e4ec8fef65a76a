import type { Api, ChatOf, FileKind } from '../api/client.ts'
import type { Heard } from '../api/feed.ts'
import type { Message } from '../api/schema.ts'

/** A message on its way to the sandbox, or one that it refused; shown at the end of the chat until it is there. */
export interface Outgoing {
  readonly key: number
  readonly date: number
  readonly text: string
  readonly file?: { readonly kind: FileKind; readonly name: string; readonly size: number; readonly preview?: string }
  readonly problem?: string
  readonly messageId?: number
  readonly retry: () => void
}

export interface ChatSeen {
  readonly loaded: boolean
  /** In order, without the deleted ones. */
  readonly messages: readonly Message[]
  readonly outgoing: readonly Outgoing[]
  readonly blocked: boolean
  /** What the bot is doing now, as in sendChatAction. */
  readonly action: string | undefined
  /** Bot messages that arrived after the person last looked. */
  readonly unread: number
}

const actionShownMs = 5500
const nothing: ChatSeen = { loaded: false, messages: [], outgoing: [], blocked: false, action: undefined, unread: 0 }

/**
 * One chat as the page knows it: read whole once, then part by part from its cursor whenever the feed says that
 * something changed. Readings never run side by side, so a slow one cannot overwrite a later one.
 */
export class ChatStore {
  readonly #api: Api
  readonly #chat: ChatOf
  readonly #memory: Memory
  readonly #listeners = new Set<() => void>()
  readonly #messages = new Map<number, Message>()
  #seen = nothing
  #cursor: number | undefined
  #reading: Promise<void> | undefined
  #readAgain = false
  #actionTimer: ReturnType<typeof setTimeout> | undefined
  #nextKey = 1

  constructor(api: Api, chat: ChatOf, storage: Storage) {
    this.#api = api
    this.#chat = chat
    this.#memory = new Memory(storage, chat)
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.#cursor === undefined) this.#refresh()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  readonly snapshot = (): ChatSeen => this.#seen

  hear(event: Heard): void {
    if (event.type === 'chat') this.#refresh()
    else if (event.type === 'typing') this.#showAction(event.action)
    else if (event.type === 'connected' && this.#cursor !== undefined) this.#refresh()
    else if (event.type === 'world' && event.what === 'reset') this.#forget()
  }

  say(text: string): void {
    this.#send({ text }, () => this.#api.say(this.#chat, text))
  }

  sendFile(kind: FileKind, file: File, caption: string): void {
    const preview = kind === 'photo' ? URL.createObjectURL(file) : undefined
    const shown = { kind, name: file.name, size: file.size, ...(preview === undefined ? {} : { preview }) }
    this.#send({ text: caption, file: shown }, () => this.#api.sendFile(this.#chat, kind, file, caption))
  }

  /** The person looks at the chat: nothing in it is unread any more. */
  markRead(): void {
    const last = this.#seen.messages.at(-1)
    if (last !== undefined && this.#memory.remember(last.message_id)) this.#show({ unread: this.#unread() })
  }

  dismiss(key: number): void {
    this.#show({ outgoing: this.#seen.outgoing.filter((one) => one.key !== key) })
  }

  #send(what: Pick<Outgoing, 'text' | 'file'>, send: () => Promise<{ message_id: number }>): void {
    const key = this.#nextKey++
    const attempt = () => {
      const fresh: Outgoing = { ...what, key, date: Math.floor(Date.now() / 1000), retry: attempt }
      this.#show({ outgoing: [...this.#seen.outgoing.filter((one) => one.key !== key), fresh] })
      send().then(
        ({ message_id }) => {
          this.#change(key, (one) => ({ ...one, messageId: message_id }))
          this.#refresh()
        },
        (error: unknown) => this.#change(key, (one) => ({ ...one, problem: sentence(error) })),
      )
    }
    attempt()
  }

  #change(key: number, change: (one: Outgoing) => Outgoing): void {
    this.#show({ outgoing: this.#seen.outgoing.map((one) => (one.key === key ? change(one) : one)) })
  }

  #refresh(): void {
    if (this.#reading !== undefined) {
      this.#readAgain = true
      return
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined
      if (this.#readAgain) {
        this.#readAgain = false
        this.#refresh()
      }
    })
  }

  async #read(): Promise<void> {
    const part = await this.#api.chat(this.#chat, this.#cursor).catch(() => undefined)
    // The feed's next `connected` asks again; until then the page shows what it has.
    if (part === undefined) return
    this.#cursor = part.cursor
    for (const message of part.messages) this.#messages.set(message.message_id, message)
    const botSpoke = part.messages.some(({ from, deleted }) => from === 'bot' && !deleted)
    const messages = [...this.#messages.values()]
      .filter(({ deleted }) => !deleted)
      .toSorted((one, other) => one.message_id - other.message_id)
    this.#show({
      loaded: true,
      blocked: part.blocked ?? false,
      messages,
      outgoing: this.#seen.outgoing.filter(
        ({ messageId }) => messageId === undefined || !this.#messages.has(messageId),
      ),
      unread: this.#unread(messages),
      ...(botSpoke ? { action: undefined } : {}),
    })
  }

  #unread(messages = this.#seen.messages): number {
    const read = this.#memory.read()
    return messages.filter(({ from, message_id }) => from === 'bot' && message_id > read).length
  }

  #showAction(action: string): void {
    clearTimeout(this.#actionTimer)
    this.#actionTimer = setTimeout(() => this.#show({ action: undefined }), actionShownMs)
    this.#show({ action })
  }

  #forget(): void {
    this.#messages.clear()
    this.#cursor = undefined
    this.#show(nothing)
    this.#refresh()
  }

  #show(change: Partial<ChatSeen>): void {
    this.#seen = { ...this.#seen, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** The last message the person saw, kept by the browser so that a reload does not make old messages unread. */
class Memory {
  readonly #storage: Storage
  readonly #key: string

  constructor(storage: Storage, { bot, person }: ChatOf) {
    this.#storage = storage
    this.#key = `read:${bot}:${person}`
  }

  read(): number {
    return Number(this.#storage.getItem(this.#key) ?? 0)
  }

  /** True when this is news. */
  remember(messageId: number): boolean {
    if (messageId <= this.read()) return false
    this.#storage.setItem(this.#key, String(messageId))
    return true
  }
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
