/** A `bigint` as the driver hands it over: text, or a number when it was told to. */
export type Int8 = string | number

/**
 * Reads a `bigint` or a sum of them as a number. It may be larger than a number can hold exactly; such
 * a one is a fault and never rounded.
 */
export function toSafeInteger(value: Int8 | null | undefined, what: string): number {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(number)) throw new Error(`${what} is no whole number that can be held exactly: ${value}`)
  return number
}
