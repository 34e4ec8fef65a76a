import type { Sql } from './sql.ts'

const pageRows = 1_000

/** The rows of a query one after another, a page in memory at a time. `name` is the cursor's, free in its transaction. */
export async function* streamRows<Row>(sql: Sql, name: string, query: string): AsyncGenerator<Row, void> {
  await sql.query(`declare ${name} no scroll cursor for ${query}`)
  for (;;) {
    const { rows } = await sql.query<Row>(`fetch ${pageRows} from ${name}`)
    yield* rows
    if (rows.length < pageRows) break
  }
  await sql.query(`close ${name}`)
}
