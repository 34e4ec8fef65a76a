/**
 * One connection inside a transaction, as the engines of the ports see it. `search_path` is the bot's schema, so names
 * are written without one.
 */
export interface Sql {
  query<Row>(text: string, values?: readonly unknown[]): Promise<{ readonly rows: Row[]; readonly rowCount: number }>
}
