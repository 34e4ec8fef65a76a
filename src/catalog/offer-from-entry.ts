/** From an entry of a data file to an offer: names from the words, limits in bytes, nothing that only the file's reader needs. */
import { offerId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Field, ImageExtra, Localized, Offer } from './offer.ts'
import { type FieldEntry, type OfferEntry, type OfferFile, type Words, wordsFileName } from './offer-file.ts'

/** A path from the offer's entry in its file. */
export type Path = readonly (string | number)[]
export type Report = (path: Path, message: string) => void

/** The offer as everyone knows it; `report` hears of every name that is missing. */
export function offerFrom(
  { family, category, maker }: OfferFile,
  entry: OfferEntry,
  words: Words,
  report: Report,
): Offer {
  const { id, fields, countField, imageExtra, prices } = entry
  return {
    id: offerId(id),
    model: entry.model,
    family,
    category,
    kind: entry.kind,
    title: entry.title,
    maker,
    about: entry.about,
    example: entry.example,
    fields: fields.map((field, index) =>
      fieldFrom(field, words, (path, message) => report(['fields', index, ...path], message)),
    ),
    constants: entry.constants,
    prices: prices.map(({ when, unit, credits, usd, free, conflict }) => ({
      when,
      unit,
      credits,
      usd,
      free,
      ...(conflict === undefined ? {} : { conflict }),
    })),
    ...(countField === undefined ? {} : { countField }),
    ...(imageExtra === undefined ? {} : { imageExtra: extraFrom(imageExtra) }),
    excluded: entry.excluded,
    deadlines: entry.deadlines,
  }
}

function extraFrom({ field, included, credits, usd }: NonNullable<OfferEntry['imageExtra']>): ImageExtra {
  return { field, included, credits, usd }
}

const bytesPerMb = 1_000_000
const pixelsPerMp = 1_000_000

function fieldFrom(entry: FieldEntry, words: Words, report: Report): Field {
  const { name, required } = entry
  const named = {
    name,
    required,
    label: entry.label ?? wordFor(words.fields, name, () => report(['name'], noWord(name))),
  }
  switch (entry.type) {
    case 'text':
      return { ...named, type: 'text', role: entry.role, minLength: entry.minLength, maxLength: entry.maxLength }
    case 'choice':
      return {
        ...named,
        type: 'choice',
        options: entry.options.map((option, index) =>
          typeof option === 'string'
            ? { value: option, label: wordFor(words.options, option, () => report(['options', index], noWord(option))) }
            : option,
        ),
        ...(entry.initial === undefined ? {} : { initial: entry.initial }),
      }
    case 'switch':
      return { ...named, type: 'switch', ...(entry.initial === undefined ? {} : { initial: entry.initial }) }
    case 'number': {
      const { min, max, step, wire, initial } = entry
      return { ...named, type: 'number', min, max, step, wire, ...(initial === undefined ? {} : { initial }) }
    }
    case 'images': {
      const { min, max, maxMb, maxMp, wire } = entry
      const maxBytes = Math.round(maxMb * bytesPerMb)
      const pixels = maxMp === undefined ? {} : { maxPixels: Math.round(maxMp * pixelsPerMp) }
      return { ...named, type: 'images', min, max, maxBytes, ...pixels, wire }
    }
    default:
      return unreachable(entry, 'fieldFrom')
  }
}

const noWord = (name: string): string =>
  `${JSON.stringify(name)} has no name for people: put one here or in ${wordsFileName}`

function wordFor(book: Words['fields'], name: string, missing: () => void): Localized {
  const word = Object.hasOwn(book, name) ? book[name] : undefined
  if (word === undefined) missing()
  return word ?? { ru: name, en: name }
}
