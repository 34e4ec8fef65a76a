/** A decimal number without a floating point: `units / 10^scale`. */
export type Decimal = { readonly units: bigint; readonly scale: number }

const shape = /^(\d{1,15})(?:\.(\d{1,12}))?$/

/** Reads `78.57`, `2`, `0.004`. Throws for anything else: prices are never guessed. */
export function parseDecimal(text: string): Decimal {
  const match = shape.exec(text)
  if (match === null) throw new Error(`not a decimal number: ${JSON.stringify(text)}`)
  const fraction = match[2] ?? ''
  return { units: BigInt(`${match[1]}${fraction}`), scale: fraction.length }
}

export const times = (a: Decimal, b: Decimal): Decimal => ({ units: a.units * b.units, scale: a.scale + b.scale })

/** One rounding, half up, to a whole number of `10^-places`. */
export function roundHalfUp(value: Decimal, places: number): bigint {
  if (value.scale <= places) return value.units * 10n ** BigInt(places - value.scale)
  const divisor = 10n ** BigInt(value.scale - places)
  return (value.units + divisor / 2n) / divisor
}

export const plus = (a: Decimal, b: Decimal): Decimal => {
  const scale = Math.max(a.scale, b.scale)
  return { units: unitsAt(a, scale) + unitsAt(b, scale), scale }
}

/** A whole number as a decimal. */
export const wholeDecimal = (n: number): Decimal => ({ units: BigInt(n), scale: 0 })

/** Negative, zero or positive, as a sort wants it. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale)
  return Number(unitsAt(a, scale) - unitsAt(b, scale))
}

const unitsAt = (value: Decimal, scale: number): bigint => value.units * 10n ** BigInt(scale - value.scale)
