import { badRequest } from '../bot-side/errors.ts'
import type { Entity } from '../model.ts'

/** A text while it is read: what was read so far, its entities, and where an error would point. */
export class TextDraft {
  readonly #source: string
  // A text that grows and is read in between would be copied as a whole each time.
  readonly #parts: string[] = []
  #length = 0
  readonly entities: Entity[] = []

  constructor(source: string) {
    this.#source = source
  }

  /** UTF-16 units so far: where an entity that begins now begins. */
  get length(): number {
    return this.#length
  }

  get text(): string {
    return this.#parts.join('')
  }

  append(text: string): void {
    this.#parts.push(text)
    this.#length += text.length
  }

  /** What was read since `offset`, where a part began. */
  textFrom(offset: number): string {
    let from = this.#parts.length
    for (let at = this.#length; at > offset; from -= 1) at -= this.#parts[from - 1]?.length ?? 0
    return this.#parts.slice(from).join('')
  }

  /** Ends an entity that began at `offset`; an empty one leaves no trace. */
  close(offset: number, entity: Omit<Entity, 'offset' | 'length'>): void {
    const length = this.#length - offset
    if (length > 0) this.entities.push({ ...entity, offset, length })
  }

  /** The server points with byte offsets into the text as it was sent. Reads all of it before: for errors only. */
  bytes(index: number): number {
    return Buffer.byteLength(this.#source.slice(0, index))
  }
}

export const cannotParse = (why: string) => badRequest(`can't parse entities: ${why}`)

/** What a link leads to: a person, an address, or nothing (then there is no entity). */
export function linkEntity(url: string): Omit<Entity, 'offset' | 'length'> | undefined {
  const person = /^tg:\/\/user\?id=(\d{1,16})$/.exec(url.trim())?.[1]
  if (person !== undefined) return { type: 'text_mention', user: { id: Number(person), is_bot: false, first_name: '' } }
  const address = checkedUrl(url)
  return address === undefined ? undefined : { type: 'text_link', url: address }
}

/** A URL as the server understands it: with `http://` in front when it has no scheme; undefined when it is none. */
export function checkedUrl(url: string): string | undefined {
  const trimmed = url.trim()
  if (trimmed === '' || /\s/.test(trimmed)) return undefined
  if (/^(tg|ton|tonsite|mailto|tel):/i.test(trimmed)) return trimmed
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`
  if (!URL.canParse(full)) return undefined
  const { protocol, hostname, href } = new URL(full)
  if (protocol !== 'http:' && protocol !== 'https:') return undefined
  // A name needs a dot, as everywhere on the internet; this machine's own name is let through for local work.
  return hostname.includes('.') || hostname.startsWith('[') || hostname === 'localhost' ? href : undefined
}
