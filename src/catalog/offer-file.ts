/**
 * The shape of the data files in `offers/`: one file for each family of KIE's models, and `words.json` with the names
 * that fields and options have for people. What is the same everywhere is left out of the files and filled in here.
 * Unknown keys are refused, so that a misspelt one is not silently without effect.
 */
import { z } from 'zod'

const text = z.string().min(1)
const localized = z.strictObject({ ru: text, en: text })
const scalar = z.union([z.string(), z.number(), z.boolean()])
const combination = z.record(z.string(), scalar)
const decimal = z.string().regex(/^\d{1,6}(\.\d{1,6})?$/, 'must be a decimal number in quotes, such as "0.0175"')

/** What the documents said where they say little or disagree; for the reader of the file only. */
const note = text.optional()
const named = {
  name: z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be the name of an input of KIE'),
  label: localized.optional(),
  required: z.boolean().default(false),
  note,
}

const option = z.union([text, z.strictObject({ value: text, label: localized })], {
  error: 'must be a value, or {"value", "label": {"ru", "en"}}',
})
const field = z.discriminatedUnion('type', [
  z.strictObject({
    ...named,
    type: z.literal('text'),
    role: z.enum(['prompt', 'extra']),
    minLength: z.int().min(1).default(1),
    maxLength: z.int().min(1),
  }),
  z.strictObject({
    ...named,
    type: z.literal('choice'),
    options: z.array(option).min(2),
    initial: text.optional(),
  }),
  z.strictObject({ ...named, type: z.literal('switch'), initial: z.boolean().optional() }),
  z.strictObject({
    ...named,
    type: z.literal('number'),
    min: z.number(),
    max: z.number(),
    step: z.number().positive(),
    initial: z.number().optional(),
    wire: z.enum(['number', 'text']).default('number'),
  }),
  z.strictObject({
    ...named,
    type: z.literal('images'),
    min: z.int().min(0),
    max: z.int().min(1),
    /** Millions of bytes. Telegram hands out files of at most 20. */
    maxMb: z.number().positive().max(20),
    /** Millions of pixels. */
    maxMp: z.number().positive().optional(),
    wire: z.enum(['url', 'list']),
  }),
])

const priceRow = z.strictObject({
  when: combination.default({}),
  unit: z.enum(['image', 'request', 'generation']),
  credits: decimal,
  usd: decimal,
  free: z.boolean().default(false),
  /** Why the dollars are not 0.005 a credit, where KIE's own list is like that. */
  conflict: text.optional(),
  note,
})

const minuteMs = 60_000

const offer = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,23}$/, 'must be a slug of at most 24 small letters, digits and hyphens'),
  model: text,
  kind: z.enum(['text-to-image', 'image-to-image']),
  title: text.max(24),
  about: localized,
  example: localized,
  fields: z.array(field).min(1),
  constants: combination.default({}),
  prices: z.array(priceRow).min(1),
  countField: text.optional(),
  imageExtra: z
    .strictObject({ field: text, included: z.int().min(0), credits: decimal, usd: decimal, note })
    .optional(),
  excluded: z.array(combination).default([]),
  deadlines: z
    .strictObject({ uncertainMs: z.int().min(minuteMs), lostMs: z.int().min(minuteMs) })
    .default({ uncertainMs: 15 * minuteMs, lostMs: 24 * 60 * minuteMs }),
  note,
})

export const offerFile = z.strictObject({
  family: z.literal('market'),
  category: z.enum(['image', 'video', 'audio']),
  maker: text,
  offers: z.array(offer).min(1),
})
export type OfferFile = z.infer<typeof offerFile>
export type OfferEntry = OfferFile['offers'][number]
export type FieldEntry = OfferEntry['fields'][number]

export const wordsFile = z.strictObject({
  fields: z.record(z.string(), localized),
  options: z.record(z.string(), localized),
})
export type Words = z.infer<typeof wordsFile>
export const wordsFileName = 'words.json'
