import { badRequest } from './errors.ts'

/** A file that came in a multipart request, under the name of its part. */
export type Upload = { readonly name: string; readonly mime: string; readonly bytes: Uint8Array }

/**
 * The parameters of one call, whichever way they came: JSON keeps its types, forms and query strings give texts that
 * mean the same. Reading is as forgiving as the real server: a number may be a text, an object may be JSON in a text.
 * A JSON null is an absent field; the text `null` of a multipart field is not.
 */
export class Params {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #uploads: ReadonlyMap<string, Upload>

  constructor(values: ReadonlyMap<string, unknown>, uploads: ReadonlyMap<string, Upload> = new Map()) {
    this.#values = values
    this.#uploads = uploads
  }

  /** The fields of an object inside these, such as one item of an album; uploads stay reachable. */
  within(values: Record<string, unknown>): Params {
    return new Params(new Map(Object.entries(values)), this.#uploads)
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined || this.#uploads.has(name)
  }

  upload(name: string): Upload | undefined {
    return this.#uploads.get(name)
  }

  text(name: string): string | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    return typeof value === 'string' ? value : JSON.stringify(value)
  }

  int(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined || text === '') return undefined
    if (!/^-?\d{1,16}$/.test(text)) throw badRequest(`can't parse "${name}": a whole number is expected`)
    return Number(text)
  }

  bool(name: string): boolean {
    return ['true', '1', 'yes'].includes(this.text(name)?.toLowerCase() ?? '')
  }

  /** A JSON value, given as such or as text; `what` names it in the error. */
  json(name: string, what = name): unknown {
    const value = this.#value(name)
    if (typeof value !== 'string') return value
    if (value === '') return undefined
    try {
      return JSON.parse(value)
    } catch {
      throw badRequest(`can't parse ${what} JSON object`)
    }
  }

  /** For the record of calls: what was given, with files described instead of repeated. */
  describe(): Record<string, unknown> {
    const files = [...this.#uploads].map(([field, { name, mime, bytes }]) => [
      field,
      { file_name: name, mime_type: mime, size: bytes.byteLength },
    ])
    return { ...Object.fromEntries(this.#values), ...Object.fromEntries(files) }
  }

  #value(name: string): unknown {
    return this.#values.get(name) ?? undefined
  }
}
