/**
 * From the texts of the data files to the catalog everyone works with. Pure: whoever has the files reads them. Either
 * every offer is in order, or the answer is every problem, each with its file, line and field.
 */
import { compareDecimals } from '../money/decimal.ts'
import { type Located, lineOf, readLocatedJson } from './located-json.ts'
import type { Catalog, Category, Offer } from './offer.ts'
import { offerFile, type Words, wordsFile, wordsFileName } from './offer-file.ts'
import { offerFrom, type Path, type Report } from './offer-from-entry.ts'
import { brokenRules } from './offer-rules.ts'
import { type Cost, lowestCost } from './quote.ts'

export type CatalogSource = { readonly file: string; readonly text: string }
export type CatalogProblem = {
  readonly file: string
  readonly line: number
  /** Such as `offers[2].prices[0].usd`. */
  readonly field: string
  readonly message: string
}
export type CompiledCatalog =
  | { readonly ok: true; readonly catalog: Catalog }
  | { readonly ok: false; readonly problems: readonly CatalogProblem[] }

/** An offer and the way to say what is wrong with it where it is written. */
type Placed = { readonly offer: Offer; readonly report: Report }

export function compileCatalog(sources: readonly CatalogSource[]): CompiledCatalog {
  const problems: CatalogProblem[] = []
  const words = readWords(sources, problems)
  // Without the words every label is missing, and the one real problem would drown.
  if (words === undefined) return { ok: false, problems }
  const placed = sources.filter((source) => !isWords(source)).flatMap((source) => readOffers(source, words, problems))
  for (const { offer, report } of placed) for (const { path, message } of brokenRules(offer)) report(path, message)
  reportTwins(placed)
  if (placed.length === 0 && problems.length === 0)
    problems.push({ file: wordsFileName, line: 1, field: '', message: 'there is no file of offers beside this one' })
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, catalog: createCatalog(placed.map((one) => one.offer)) }
}

/** The offers in the order of the shelf: free ones first, then by the lowest price, then by title. */
export function inOrder(offers: readonly Offer[]): readonly Offer[] {
  return offers
    .map((offer) => ({ offer, cost: lowestCost(offer) }))
    .sort((a, b) => compareCosts(a.cost, b.cost) || byTitle.compare(a.offer.title, b.offer.title))
    .map(({ offer }) => offer)
}

const byTitle = new Intl.Collator('en')

function compareCosts(a: Cost | undefined, b: Cost | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  if (a.free !== b.free) return a.free ? -1 : 1
  return compareDecimals(a.usd, b.usd)
}

function createCatalog(unordered: readonly Offer[]): Catalog {
  const offers = inOrder(unordered)
  const byId = new Map(offers.map((offer) => [offer.id, offer]))
  const categories: readonly Category[] = ['image', 'video', 'audio']
  return {
    offers,
    get: (id) => byId.get(id),
    categories: categories.filter((category) => offers.some((offer) => offer.category === category)),
  }
}

const isWords = ({ file }: CatalogSource): boolean => file.split('/').at(-1) === wordsFileName

function readWords(sources: readonly CatalogSource[], problems: CatalogProblem[]): Words | undefined {
  const source = sources.find(isWords)
  if (source === undefined) {
    problems.push({ file: wordsFileName, line: 1, field: '', message: 'the file is missing' })
    return undefined
  }
  return readSource(source, wordsFile, problems)?.data
}

function readOffers(source: CatalogSource, words: Words, problems: CatalogProblem[]): readonly Placed[] {
  const read = readSource(source, offerFile, problems)
  if (read === undefined) return []
  return read.data.offers.map((entry, index) => {
    const report: Report = (path, message) => {
      problems.push(problemAt(source.file, read.root, ['offers', index, ...path], `${message} (offer ${entry.id})`))
    }
    return { offer: offerFrom(read.data, entry, words, report), report }
  })
}

type Shape<T> = {
  safeParse(
    value: unknown,
    options: { jitless: boolean },
  ): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } }
}
type Issue = {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly code: string
  readonly keys?: readonly string[]
}

function readSource<T>(
  { file, text }: CatalogSource,
  shape: Shape<T>,
  problems: CatalogProblem[],
): { readonly data: T; readonly root: Located } | undefined {
  const read = readLocatedJson(text)
  if (!read.ok) {
    problems.push({ file, line: read.line, field: '', message: `not JSON: ${read.message}` })
    return undefined
  }
  // Each shape reads a few files once: to compile it would take longer.
  const parsed = shape.safeParse(read.root.value, { jitless: true })
  if (parsed.success) return { data: parsed.data, root: read.root }
  for (const issue of parsed.error.issues) problems.push(problemAt(file, read.root, pathOf(issue), issue.message))
  return undefined
}

/** A key that nobody knows is a problem of its own line, not of the object around it. */
const pathOf = (issue: Issue): Path => {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  const key = issue.keys?.[0]
  return key === undefined ? path : [...path, key]
}

const problemAt = (file: string, root: Located, path: Path, message: string): CatalogProblem => ({
  file,
  line: lineOf(root, path),
  field: path.reduce<string>(
    (shown, part) => (typeof part === 'number' ? `${shown}[${part}]` : shown === '' ? part : `${shown}.${part}`),
    '',
  ),
  message,
})

/** No two offers may be taken for one another: by a button, by a person, or by KIE. */
function reportTwins(placed: readonly Placed[]): void {
  const seen = new Set<string>()
  for (const { offer, report } of placed)
    for (const [field, key] of [
      ['id', offer.id],
      ['title', offer.title],
      ['model', `${offer.model} as ${offer.kind}`],
    ] as const) {
      if (seen.has(`${field} ${key}`)) report([field], `${key} is another offer's already`)
      seen.add(`${field} ${key}`)
    }
}
