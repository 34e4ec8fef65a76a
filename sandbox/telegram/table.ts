import type { z } from 'zod'
import type { Shelf } from '../world.ts'

/**
 * One kind of record: read once from the shelf, held in memory, written through. Keys keep their order of insertion;
 * after a restart they come in the shelf's order, so numbers in keys are padded.
 */
export class Table<Row> {
  readonly #shelf: Shelf
  readonly #prefix: string
  readonly #rows = new Map<string, Row>()

  constructor(shelf: Shelf, prefix: string, schema: z.ZodType<Row>) {
    this.#shelf = shelf
    this.#prefix = prefix
    for (const [key, value] of shelf.list(prefix)) this.#rows.set(key.slice(prefix.length), schema.parse(value))
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  put(key: string, row: Row): Row {
    this.#shelf.put(this.#prefix + key, row)
    this.#rows.set(key, row)
    return row
  }

  delete(key: string): void {
    this.#shelf.delete(this.#prefix + key)
    this.#rows.delete(key)
  }

  values(): IterableIterator<Row> {
    return this.#rows.values()
  }

  get size(): number {
    return this.#rows.size
  }

  /** Removes every row, one by one, so that only this table's keys are touched. */
  clear(): void {
    for (const key of [...this.#rows.keys()]) this.delete(key)
  }
}

/** Numbers in keys sort like numbers. */
export const padded = (n: number): string => String(n).padStart(16, '0')
