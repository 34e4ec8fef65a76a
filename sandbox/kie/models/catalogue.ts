/**
 * The models KIE sells, as its documents describe them: which inputs each takes, within which limits, at which price.
 * `models.jsonl` holds one model a line; it is data, changed by hand or by a script when KIE's documents change.
 *
 * A line that is wrong stops the sandbox with the number of the line, never with a model that is quietly missing.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const scalar = z.union([z.string(), z.number(), z.boolean()])

export type InputField = {
  readonly name: string
  /** Absent where the documents name the field and say nothing else. */
  readonly type?: string | undefined
  readonly required?: boolean | undefined
  readonly default?: unknown
  readonly enum?: readonly (string | number | boolean)[] | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  readonly minItems?: number | undefined
  readonly maxItems?: number | undefined
  /** Of each fetched file. */
  readonly maxBytes?: number | undefined
  readonly maxPixels?: number | undefined
  readonly mimes?: readonly string[] | undefined
  readonly deprecated?: boolean | undefined
  readonly fields?: readonly InputField[] | undefined
}

const inputField: z.ZodType<InputField> = z.strictObject({
  name: z.string(),
  type: z.string().optional(),
  required: z.boolean().optional(),
  default: z.unknown().optional(),
  enum: z.array(scalar).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  maxBytes: z.number().optional(),
  maxPixels: z.number().optional(),
  mimes: z.array(z.string()).optional(),
  deprecated: z.boolean().optional(),
  get fields() {
    return z.array(inputField).optional()
  },
})

const priceRow = z.strictObject({
  /** Values of input fields this row is for; `present` and `absent` for media. */
  when: z.record(z.string(), scalar).optional(),
  /** What else the price list tells apart and no input field chooses. */
  for: z.record(z.string(), z.string()).optional(),
  unit: z.string(),
  credits: z.number(),
  /** Of unit `input_image`: how many are not charged. */
  free: z.number().optional(),
})
export type PriceRow = z.infer<typeof priceRow>

const model = z.strictObject({
  id: z.string(),
  title: z.string(),
  vendor: z.string(),
  kind: z.string(),
  also: z.array(z.string()).optional(),
  status: z.enum(['current', 'legacy-id', 'retired']),
  endpoint: z.enum(['market', 'veo', 'flux-kontext', 'midjourney', 'omni']),
  output: z.enum(['image', 'video', 'audio', 'text']).optional(),
  /** The documents are known to leave inputs out, so an input unknown here is no error. */
  open: z.literal(true).optional(),
  /** At least one of these groups of inputs must be given whole. */
  anyOf: z.array(z.array(z.string())).optional(),
  inputs: z.array(inputField),
  imagesPerGeneration: z.number().optional(),
  /** Absent: no public price is known. */
  prices: z.array(priceRow).optional(),
})
export type Model = z.infer<typeof model>

export type Catalogue = {
  /** Every model of the documents, retired ones and those of the dedicated endpoints too, by id. */
  readonly all: readonly Model[]
  /** The model that `createTask` accepts under this id. */
  find(id: string): Model | undefined
}

/** Reads the data file; about 20 ms for two hundred models. */
export function readCatalogue(file: URL = new URL('./models.jsonl', import.meta.url)): Catalogue {
  const all = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => (line === '' ? [] : [readLine(line, index + 1)]))
  const byId = new Map(all.filter(isSold).map((one) => [one.id, one]))
  return { all, find: (id) => byId.get(id) }
}

function readLine(line: string, number: number): Model {
  const read = model.safeParse(JSON.parse(line))
  if (!read.success) throw new Error(`models.jsonl line ${number}: ${z.prettifyError(read.error)}`)
  return read.data
}

const isSold = (one: Model): boolean => one.endpoint === 'market' && one.status !== 'retired'

const drawnKinds = new Set([
  'text-to-image',
  'image-to-image',
  'image-edit',
  'image-upscale',
  'background-removal',
  'layer-decomposition',
])

/** Whether the sandbox can make what this model makes. Everything else fails after its inputs were checked. */
export const isDrawn = (one: Model): boolean =>
  one.output === 'image' && drawnKinds.has(one.kind) && !one.inputs.some((field) => field.name === 'task_id')

/** The inputs as the model sees them: what was sent, and the documented default of what was not. */
export function withDefaults(one: Model, input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const defaults = one.inputs.flatMap((field) => (field.default === undefined ? [] : [[field.name, field.default]]))
  return { ...Object.fromEntries(defaults), ...dropNulls(input) }
}

const dropNulls = (input: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))
