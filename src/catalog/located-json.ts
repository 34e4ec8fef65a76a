/**
 * JSON that remembers on which line each of its values stands, so that a problem in a data file can be shown where it
 * is. Reads exactly what `JSON.parse` reads, and refuses a key that stands twice in one object. Pure.
 */

export type Located = {
  readonly value: unknown
  /** The line of the value, or of its key where it has one; from 1. */
  readonly line: number
  readonly children: ReadonlyMap<string | number, Located>
}
export type LocatedResult =
  | { readonly ok: true; readonly root: Located }
  | { readonly ok: false; readonly line: number; readonly message: string }

export function readLocatedJson(text: string): LocatedResult {
  const reader = new Reader(text)
  try {
    return { ok: true, root: reader.document() }
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    return { ok: false, line: reader.line, message: error.message }
  }
}

/** The line of what `path` leads to, or of the nearest thing around it. */
export function lineOf(root: Located, path: readonly (string | number)[]): number {
  let here = root
  for (const part of path) {
    const next = here.children.get(part)
    if (next === undefined) break
    here = next
  }
  return here.line
}

class NotJson extends Error {}

const spaces = /[ \t\r\n]*/y
const string = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y
const scalar = /-?\d[\d.eE+-]*|true|false|null/y
const noChildren: ReadonlyMap<string | number, Located> = new Map()

class Reader {
  line = 1
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Located {
    const root = this.#value(this.#nextLine())
    this.#nextLine()
    if (this.#at < this.#text.length) throw new NotJson('something follows the end')
    return root
  }

  #value(line: number): Located {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(line)
      case '[':
        return this.#array(line)
      default:
        return { value: this.#scalar(), line, children: noChildren }
    }
  }

  #object(line: number): Located {
    const children = new Map<string, Located>()
    for (const keyLine of this.#items('}')) {
      const key = this.#scalar()
      if (typeof key !== 'string') throw new NotJson('a key in double quotes is expected')
      if (children.has(key)) throw new NotJson(`the key ${JSON.stringify(key)} stands twice`)
      this.#nextLine()
      this.#expect(':')
      this.#nextLine()
      children.set(key, this.#value(keyLine))
    }
    return { value: Object.fromEntries(Array.from(children, ([key, child]) => [key, child.value])), line, children }
  }

  #array(line: number): Located {
    const children = new Map<number, Located>()
    for (const itemLine of this.#items(']')) children.set(children.size, this.#value(itemLine))
    return { value: Array.from(children.values(), (child) => child.value), line, children }
  }

  /** Steps from item to item of an object or array, giving the line of each; the caller reads the item. */
  *#items(end: string): Generator<number> {
    this.#at += 1
    this.#nextLine()
    if (this.#text[this.#at] === end) {
      this.#at += 1
      return
    }
    for (;;) {
      yield this.line
      this.#nextLine()
      if (this.#text[this.#at] === end) {
        this.#at += 1
        return
      }
      this.#expect(',')
      this.#nextLine()
    }
  }

  #scalar(): unknown {
    const token = this.#match(string) ?? this.#match(scalar)
    if (token === undefined) throw new NotJson(this.#found('a value is expected'))
    try {
      return JSON.parse(token)
    } catch {
      throw new NotJson(`${token} is not a value of JSON`)
    }
  }

  #expect(symbol: string): void {
    if (this.#text[this.#at] !== symbol) throw new NotJson(this.#found(`${symbol} is expected`))
    this.#at += 1
  }

  #found(expected: string): string {
    const found = this.#text[this.#at]
    return found === undefined ? `${expected}, and the file ends` : `${expected}, found ${JSON.stringify(found)}`
  }

  /** Skips white space, and says on which line we are then. Only white space holds line breaks. */
  #nextLine(): number {
    this.line += (this.#match(spaces)?.split('\n').length ?? 1) - 1
    return this.line
  }

  #match(shape: RegExp): string | undefined {
    shape.lastIndex = this.#at
    const token = shape.exec(this.#text)?.[0]
    if (token !== undefined) this.#at += token.length
    return token
  }
}
