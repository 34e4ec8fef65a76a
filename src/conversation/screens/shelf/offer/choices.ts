/** The buttons of a question that is answered by choosing, with the price of each choice where it changes the price. */
import type { NumberField } from '../../../../catalog/offer.ts'
import { priceFields } from '../../../../catalog/quote.ts'
import { completeValues } from '../../../../catalog/values.ts'
import type { Price } from '../../../../money/amount.ts'
import { inReadableRows } from '../../../buttons.ts'
import { withValue } from '../../../draft.ts'
import { currentPrice, priceText } from '../../../price-tags.ts'
import type { Seen } from '../../../screen.ts'
import type { Button, Keyboard } from '../../../view.ts'
import type { Asked } from './asked.ts'

type Option = { readonly value: string | number | boolean; readonly label: string }

export function choices(seen: Seen, asked: Asked): Keyboard {
  const { draft, offer, field } = asked
  const options = optionsOf(seen, asked)
  const current = completeValues(offer, draft.values)[field.name]
  const prices = options.map(({ value }) => currentPrice(offer, withValue(draft, field, value).values, seen))
  const matters = priceFields(offer).has(field.name) && new Set(prices.map(keyOf)).size > 1
  return inReadableRows(
    options.map(({ value, label }, index): Button => {
      const price = matters ? prices[index] : undefined
      const tag = price === undefined ? '' : ` · ${priceText(price, seen.texts)}`
      return {
        label: `${value === current ? '✓ ' : ''}${label}${tag}`,
        to: { at: 'set', draft: draft.id, field: field.name, value: `${value}` },
      }
    }),
  )
}

const keyOf = (price: Price | undefined): string =>
  price === undefined ? 'none' : price.unit === 'GEN' ? 'free' : `${price.kopecks}`

function optionsOf({ texts }: Seen, { field }: Asked): readonly Option[] {
  switch (field.type) {
    case 'choice':
      return field.options.map(({ value, label }) => ({ value, label: label[texts.language] }))
    case 'switch':
      return [
        { value: true, label: texts.yes },
        { value: false, label: texts.no },
      ]
    case 'number':
      return suggestions(field).map((value) => ({ value, label: texts.number(value) }))
    case 'text':
    case 'images':
      return []
  }
}

/** All numbers of a short range; else its ends and what the model takes by itself. Any other can be typed. */
function suggestions({ min, max, step, initial }: NumberField): readonly number[] {
  const steps = Math.round((max - min) / step)
  if (steps <= 9) return Array.from({ length: steps + 1 }, (_, index) => rounded(min + index * step))
  // The ends of a range like that of a seed help nobody.
  if (steps > 1000) return initial === undefined ? [] : [initial]
  return [...new Set([min, ...(initial === undefined ? [] : [initial]), max])].toSorted((a, b) => a - b)
}

/** Floating point adds 0.1 three times to 0.30000000000000004. */
const rounded = (n: number): number => Number(n.toFixed(6))
