import type pg from 'pg'

/**
 * A schema as text, in an order that depends on names only: what a reviewer reads when a migration changes something,
 * and what is compared with `test/fixtures/schema.sql`. `pg_dump` would say the same; it need not be installed.
 */
export async function dumpSchema(client: pg.Client, schema: string): Promise<string> {
  await client.query(`set search_path = ${schema}`)
  const of = async (text: string): Promise<readonly string[]> =>
    (await client.query<{ line: string }>(text, [schema])).rows.map(({ line }) => line)
  const tables = (await client.query<{ name: string }>(TABLES, [schema])).rows.map(({ name }) => name)
  const parts: string[] = []
  for (const table of tables) {
    const inTable = async (text: string) =>
      (await client.query<{ line: string }>(text, [schema, table])).rows.map(({ line }) => line)
    const inside = [...(await inTable(COLUMNS)), ...(await inTable(CONSTRAINTS))].map((line) => `  ${line}`)
    const beside = [...(await inTable(INDEXES)), ...(await inTable(TRIGGERS))].map((line) => `${line};`)
    parts.push([`create table ${table} (\n${inside.join(',\n')}\n);`, ...beside].join('\n'))
  }
  parts.push(...(await of(VIEWS)), ...(await of(FUNCTIONS)))
  return `${parts.join('\n\n').replaceAll(`${schema}.`, '')}\n`
}

const TABLES = `
  select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname = $1 and c.relkind = 'r' order by 1`
const COLUMNS = `
  select a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
         || case a.attidentity when '' then '' else ' generated always as identity' end
         || case when a.attnotnull then ' not null' else '' end
         || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line
    from pg_attribute a
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attrelid = ($1 || '.' || $2)::regclass and a.attnum > 0 and not a.attisdropped
   order by a.attname`
// From version 18 on, "not null" is a constraint as well; it stands with its column.
const CONSTRAINTS = `
  select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) as line from pg_constraint
   where conrelid = ($1 || '.' || $2)::regclass and contype <> 'n' order by conname`
const INDEXES = `
  select indexdef as line from pg_indexes where schemaname = $1 and tablename = $2
     and indexname not in (select conname from pg_constraint where conrelid = ($1 || '.' || $2)::regclass)
   order by indexname`
const TRIGGERS = `
  select pg_get_triggerdef(oid) as line from pg_trigger
   where tgrelid = ($1 || '.' || $2)::regclass and not tgisinternal order by tgname`
const VIEWS = `
  select 'create view ' || viewname || ' as' || e'\\n' || definition as line from pg_views where schemaname = $1 order by 1`
const FUNCTIONS = `
  select pg_get_functiondef(p.oid) as line from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname = $1 order by p.proname`
