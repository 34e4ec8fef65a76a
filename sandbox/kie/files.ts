/**
 * The files of the emulated KIE, results and uploads, under `/kie/files/<name>`.
 *
 * - The name of a result cannot be guessed. Its URL works for 24 hours, then answers 403; a link made by `download-url`
 *   works for 20 minutes also after that; after 14 days the file is gone.
 * - An upload lives for 24 hours under the path and name it was given; the same path and name overwrites it.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { percentDecoded } from '../percent.ts'
import type { VirtualClock, World } from '../world.ts'

const hour = 3_600_000
const urlLifeMs = 24 * hour
const resultLifeMs = 14 * 24 * hour
const linkLifeMs = 20 * 60_000
const sweepEveryMs = 24 * hour
const path = '/kie/files/'

const entry = z.object({
  name: z.string(),
  kind: z.enum(['result', 'upload']),
  contentType: z.string(),
  size: z.number(),
  createdAt: z.number(),
  /** Which of the results of its task it is, from 1. */
  position: z.number().optional(),
})
export type StoredFile = z.infer<typeof entry>

export type Found =
  | { readonly kind: 'found'; readonly file: StoredFile; readonly bytes: Uint8Array }
  | { readonly kind: 'expired' }
  | { readonly kind: 'absent' }

export type Files = {
  put(name: string, kind: StoredFile['kind'], contentType: string, bytes: Uint8Array, position?: number): StoredFile
  /** As a request for its URL finds it; `query` may carry the link of `download-url`. */
  open(name: string, query: URLSearchParams): Found
  urlOf(name: string): string
  /** The name in a URL of ours, whatever port this sandbox had when it was made; undefined for any other URL. */
  nameIn(url: string): string | undefined
  /** A link that works for 20 minutes, whether or not there is such a file. */
  link(name: string): string
  close(): void
}

/** A name that nobody can guess. */
export const secretName = (extension: string): string => `${randomBytes(16).toString('hex')}.${extension}`

export function createFiles({ clock, shelf }: World, publicUrl: () => string): Files {
  const entryKey = (name: string): string => `kie/file/${digest(name)}`
  const bytesKey = (name: string): string => `kie/bytes/${digest(name)}`
  const read = (name: string): StoredFile | undefined => entry.safeParse(shelf.get(entryKey(name))).data
  const urlOf = (name: string): string => `${publicUrl()}${path}${name.split('/').map(encodeURIComponent).join('/')}`

  function linkKey(): string {
    const kept = z.string().safeParse(shelf.get('kie/link-key'))
    if (kept.success) return kept.data
    const made = randomBytes(32).toString('hex')
    shelf.put('kie/link-key', made)
    return made
  }
  const sign = (name: string, expires: string): string =>
    createHmac('sha256', linkKey()).update(`${name}\n${expires}`).digest('hex')

  function isLinked(name: string, query: URLSearchParams): boolean {
    const expires = query.get('expires') ?? ''
    const shown = Buffer.from(query.get('signature') ?? '')
    const right = Buffer.from(sign(name, expires))
    return shown.length === right.length && timingSafeEqual(shown, right) && Number(expires) > clock.now()
  }

  const stopSweeping = sweepForEver(clock, () => {
    for (const [key, value] of shelf.list('kie/file/')) {
      const file = entry.safeParse(value).data
      if (file !== undefined && clock.now() - file.createdAt <= lifeMs(file)) continue
      shelf.delete(key)
      // The shelf forgets entries only; an empty file takes no room.
      if (file !== undefined) shelf.putFile(bytesKey(file.name), new Uint8Array())
    }
  })

  return {
    put(name, kind, contentType, bytes, position) {
      const file = {
        name,
        kind,
        contentType,
        size: bytes.byteLength,
        createdAt: clock.now(),
        ...(position === undefined ? {} : { position }),
      }
      shelf.putFile(bytesKey(name), bytes)
      shelf.put(entryKey(name), file)
      return file
    },
    open(name, query) {
      const file = read(name)
      if (file === undefined || clock.now() - file.createdAt > lifeMs(file)) return { kind: 'absent' }
      const isFresh = clock.now() - file.createdAt <= urlLifeMs && !query.has('signature')
      if (!isFresh && !isLinked(name, query)) return { kind: 'expired' }
      const bytes = shelf.getFile(bytesKey(name))
      return bytes === undefined ? { kind: 'absent' } : { kind: 'found', file, bytes }
    },
    urlOf,
    nameIn(url) {
      const parsed = URL.parse(url)
      // A sandbox with a key may carry it in front of its paths.
      const [, rest] = /^(?:\/key\/[^/]+)?\/kie\/files\/(.+)$/.exec(parsed?.pathname ?? '') ?? []
      if (parsed === null || rest === undefined) return undefined
      const isOurs = parsed.origin === URL.parse(publicUrl())?.origin || isThisMachine(parsed.hostname)
      return isOurs ? percentDecoded(rest) : undefined
    },
    link(name) {
      const expires = String(clock.now() + linkLifeMs)
      return `${urlOf(name)}?expires=${expires}&signature=${sign(name, expires)}`
    },
    close: stopSweeping,
  }
}

const lifeMs = (file: StoredFile): number => (file.kind === 'result' ? resultLifeMs : urlLifeMs)
const digest = (name: string): string => createHash('sha256').update(name).digest('hex')
const isThisMachine = (host: string): boolean => host === 'localhost' || host === '[::1]' || host.startsWith('127.')

function sweepForEver(clock: VirtualClock, sweep: () => void): () => void {
  let cancel = clock.after(0, run)
  function run(): void {
    sweep()
    cancel = clock.after(sweepEveryMs, run)
  }
  return () => cancel()
}
