import type { Entity, Formatted } from '../model.ts'
import { cannotParse, linkEntity, TextDraft } from './draft.ts'

/** Reads `parse_mode: MarkdownV2`: every reserved character is markup or escaped, else an error names it. */
export function parseMarkdownV2(source: string): Formatted {
  const reader = new Reader(source)
  reader.read()
  return { text: reader.draft.text, entities: reader.draft.entities }
}

type Kind =
  | 'Bold'
  | 'Italic'
  | 'Underline'
  | 'Strikethrough'
  | 'Spoiler'
  | 'Code'
  | 'Pre'
  | 'PreCode'
  | 'TextUrl'
  | 'CustomEmoji'
  | 'BlockQuote'
type Open = { readonly kind: Kind; readonly begin: number; readonly offset: number; readonly language?: string }

const reserved = '_*[]()~`>#+-=|{}.!'

const endMarks = {
  Bold: '*',
  Italic: '_',
  Underline: '__',
  Strikethrough: '~',
  Spoiler: '||',
  Code: '`',
  Pre: '```',
  PreCode: '```',
  TextUrl: ']',
  CustomEmoji: ']',
  BlockQuote: '',
} as const satisfies Record<Kind, string>

const types = {
  Bold: 'bold',
  Italic: 'italic',
  Underline: 'underline',
  Strikethrough: 'strikethrough',
  Spoiler: 'spoiler',
  Code: 'code',
  Pre: 'pre',
  PreCode: 'pre',
  TextUrl: 'text_link',
  CustomEmoji: 'custom_emoji',
  BlockQuote: 'blockquote',
} as const satisfies Record<Kind, string>

/** What begins an entity; longer marks first. */
const startMarks = [
  ['```', 'Pre'],
  ['__', 'Underline'],
  ['||', 'Spoiler'],
  ['![', 'CustomEmoji'],
  ['_', 'Italic'],
  ['*', 'Bold'],
  ['~', 'Strikethrough'],
  ['[', 'TextUrl'],
  ['`', 'Code'],
] as const

class Reader {
  readonly draft: TextDraft
  readonly #source: string
  readonly #open: Open[] = []
  /** A quotation is open, however deep. */
  #isQuoting = false
  #at = 0

  constructor(source: string) {
    this.#source = source
    this.draft = new TextDraft(source)
  }

  read(): void {
    while (this.#at < this.#source.length) {
      if (!this.#readEscape() && !this.#readLineBreak() && !this.#readQuoteMark() && !this.#readEnd()) this.#readOther()
    }
    while (this.#open.at(-1)?.kind === 'BlockQuote') this.#close()
    const unclosed = this.#open.at(-1)
    if (unclosed !== undefined) {
      throw cannotParse(`Can't find end of ${unclosed.kind} entity at byte offset ${this.draft.bytes(unclosed.begin)}`)
    }
  }

  #is(text: string): boolean {
    return this.#source.startsWith(text, this.#at)
  }

  #inCode(): boolean {
    const kind = this.#open.at(-1)?.kind
    return kind === 'Code' || kind === 'Pre' || kind === 'PreCode'
  }

  #readEscape(): boolean {
    const next = this.#source.charCodeAt(this.#at + 1)
    if (!this.#is('\\') || Number.isNaN(next) || next > 126) return false
    this.draft.append(this.#source[this.#at + 1] ?? '')
    this.#at += 2
    return true
  }

  /** A line that does not go on with `>` ends a quotation. */
  #readLineBreak(): boolean {
    if (!this.#is('\n') || this.#inCode()) return false
    this.draft.append('\n')
    this.#at += 1
    if (this.#open.at(-1)?.kind === 'BlockQuote' && !this.#is('>')) this.#close(1)
    return true
  }

  #readQuoteMark(): boolean {
    const atLineStart = this.#at === 0 || this.#source[this.#at - 1] === '\n'
    if (!atLineStart || this.#inCode()) return false
    const separated = this.#is('**>')
    if (!this.#is('>') && !separated) return false
    if (!this.#isQuoting) this.#push('BlockQuote')
    this.#at += separated ? 3 : 1
    return true
  }

  #readEnd(): boolean {
    const open = this.#open.at(-1)
    if (open === undefined || open.kind === 'BlockQuote' || !this.#is(endMarks[open.kind])) return false
    // Two underscores inside italics begin an underline; they do not end the italics twice.
    if (open.kind === 'Italic' && this.#is('__')) return false
    this.#at += endMarks[open.kind].length
    this.#close()
    return true
  }

  #readOther(): void {
    const character = this.#source[this.#at] ?? ''
    if (!reserved.includes(character) || (this.#inCode() && character !== '`')) {
      this.draft.append(character)
      this.#at += 1
      return
    }
    const [mark, kind] = startMarks.find(([candidate]) => this.#is(candidate)) ?? []
    if (mark === '||') this.#readBars()
    else if (mark === '```') this.#readFence()
    else if (mark !== undefined && kind !== undefined) this.#push(kind, mark.length)
    else throw cannotParse(`Character '${character}' is reserved and must be escaped with the preceding '\\'`)
  }

  /** Two bars at the very end of a quotation make it expandable; elsewhere they begin a spoiler. */
  #readBars(): void {
    const after = this.#source[this.#at + 2]
    if (this.#open.at(-1)?.kind === 'BlockQuote' && (after === undefined || after === '\n')) {
      const quote = this.#pop()
      if (quote !== undefined) this.draft.close(quote.offset, { type: 'expandable_blockquote' })
      this.#at += 2
      return
    }
    this.#push('Spoiler', 2)
  }

  #readFence(): void {
    const begin = this.#at
    const language = /^[^\s`]+(?=\s)/.exec(this.#source.slice(begin + 3))?.[0]
    this.#push(language === undefined ? 'Pre' : 'PreCode', 3 + (language?.length ?? 0), language)
    if (this.#is('\r')) this.#at += 1
    if (this.#is('\n')) this.#at += 1
  }

  #push(kind: Kind, length = 0, language?: string): void {
    if (kind === 'BlockQuote') this.#isQuoting = true
    this.#open.push({
      kind,
      begin: this.#at,
      offset: this.draft.length,
      ...(language === undefined ? {} : { language }),
    })
    this.#at += length
  }

  #pop(): Open | undefined {
    const open = this.#open.pop()
    if (open?.kind === 'BlockQuote') this.#isQuoting = false
    return open
  }

  /** Ends the innermost entity, `shorter` units before what was read. */
  #close(shorter = 0): void {
    const open = this.#pop()
    if (open === undefined) return
    const entity = this.#entityOf(open)
    if (entity === undefined) return
    const length = this.draft.length - shorter - open.offset
    if (length > 0) this.draft.entities.push({ ...entity, offset: open.offset, length })
  }

  #entityOf(open: Open): Omit<Entity, 'offset' | 'length'> | undefined {
    if (open.kind === 'TextUrl') return linkEntity(this.#readTarget() ?? this.draft.textFrom(open.offset))
    if (open.kind === 'CustomEmoji') {
      const id = /^tg:\/\/emoji\?id=(\d{1,20})$/.exec(this.#readTarget() ?? '')?.[1]
      if (id === undefined) throw cannotParse('Custom emoji entity must contain a tg://emoji URL')
      return { type: 'custom_emoji', custom_emoji_id: id }
    }
    return { type: types[open.kind], ...(open.language === undefined ? {} : { language: open.language }) }
  }

  /** The address in round brackets after a link's text. */
  #readTarget(): string | undefined {
    if (!this.#is('(')) return undefined
    const begin = this.#at
    let url = ''
    this.#at += 1
    while (this.#at < this.#source.length && !this.#is(')')) {
      const escaped = this.#is('\\') && this.#source.charCodeAt(this.#at + 1) <= 126
      if (escaped) this.#at += 1
      url += this.#source[this.#at] ?? ''
      this.#at += 1
    }
    if (!this.#is(')')) throw cannotParse(`Can't find end of a URL at byte offset ${this.draft.bytes(begin)}`)
    this.#at += 1
    return url
  }
}
