import type { Instant } from '../../kit/clock.ts'
import type { LossCause } from '../../losses/loss.ts'
import type { DayOfCause, InRow } from '../../losses/loss-figures.ts'
import { type Int8, toSafeInteger } from './safe-integer.ts'
import type { Sql } from './sql.ts'

/** The losses of a time, for an operator who looks, and for the figures. */
export type CauseOfDay = DayOfCause & {
  /** Of how many of them nobody knows what KIE took. */
  readonly unknownCredits: number
  readonly lastDetail: string
}
export type SingleLoss = {
  readonly at: number
  readonly cid: string
  readonly order: string | null
  readonly result: number | null
  readonly person: number | null
  readonly credits: string | null
  readonly kopecks: number | null
  readonly detail: string
  /** It was brought as a gift after all. */
  readonly foundLater: boolean
}
type Span = { readonly from: Instant; readonly to: Instant }

const BY_CAUSE = `
  select cause, count(*)::int as count, trim_scale(sum(credits))::text as credits,
         (count(*) - count(credits))::int as unknown, coalesce(sum(kopecks), 0) as kopecks,
         (array_agg(cid order by at, id))[1] as first, (array_agg(detail order by at desc, id desc))[1] as last
    from losses where bot = (select bot from world) and at >= $1 and at < $2
   group by cause order by count desc, cause`
/** A result is found when it was sent, and a task when its late success was given away. */
const SINGLE = `
  select l.at, l.cid, l.order_id as order, l.result, l.person, trim_scale(l.credits)::text as credits, l.kopecks, l.detail,
         coalesce(case when l.result is null then o.body->'order'->>'gift' = 'delivered'
                  else o.body->'order'->'artifacts'->(l.result - 1)->>'state' = 'sent' end, false) as found
    from losses l left join orders o on o.id = l.order_id
   where l.bot = (select bot from world) and l.at >= $1 and l.at < $2 and l.cause = $3
   order by l.at, l.id limit 200`

// An order of which a part was lost is not the delivered one that ends a row, nor one that a clock ahead has dated.
const IN_ROW = `
  with delivered as (
    select updated_at as at from orders o
     where status = 'completed' and updated_at >= $3 and updated_at <= $4 and not exists (select from losses where order_id = o.id)
     order by updated_at desc limit 1)
  select cause, count(distinct cid)::int as stories,
         (array_agg(cid order by at, id))[1] as first, (array_agg(detail order by at desc, id desc))[1] as last
    from losses
   where bot = (select bot from world) and at >= $3 and at > coalesce((select at from delivered), 0)
   group by cause order by stories desc, cause`
/** Both in one statement: an instance that has nothing to do asks this, too. */
export const LOSS_FIGURES = `
  select (select coalesce(json_agg(c), '[]') from (${BY_CAUSE}) c) as today,
         (select coalesce(json_agg(r), '[]') from (${IN_ROW}) r) as in_row`

type CauseRow = {
  cause: LossCause
  count: number
  credits: string | null
  unknown: number
  kopecks: Int8
  first: string
  last: string
}
type InRowRow = Pick<CauseRow, 'cause' | 'first' | 'last'> & { stories: number }
type SingleRow = Omit<SingleLoss, 'at' | 'person' | 'kopecks' | 'foundLater'> & {
  at: Int8
  person: Int8 | null
  kopecks: Int8 | null
  found: boolean
}

/** Each cause with what it came to, the most frequent first. */
export async function lossesByCause(sql: Sql, { from, to }: Span): Promise<readonly CauseOfDay[]> {
  const { rows } = await sql.query<CauseRow>(BY_CAUSE, [from, to])
  return rows.map(causeOf)
}

/** The losses of a day, and for each cause what has ended with it in this row's time since an order came without a loss. */
export async function lossFigures(
  sql: Sql,
  { from, to }: Span,
  row: Span,
): Promise<{ readonly today: readonly CauseOfDay[]; readonly inRow: readonly InRow[] }> {
  const { rows } = await sql.query<{ today: readonly CauseRow[]; in_row: readonly InRowRow[] }>(LOSS_FIGURES, [
    from,
    to,
    row.from,
    row.to,
  ])
  const [{ today, in_row } = { today: [], in_row: [] }] = rows
  const inRow = in_row.map(({ cause, stories, first, last }) => ({ cause, stories, firstCid: first, lastDetail: last }))
  return { today: today.map(causeOf), inRow }
}

/** The single losses of one cause, oldest first, at most 200. */
export async function lossesOfCause(sql: Sql, cause: LossCause, { from, to }: Span): Promise<readonly SingleLoss[]> {
  const { rows } = await sql.query<SingleRow>(SINGLE, [from, to, cause])
  return rows.map(({ at, person, kopecks, found, ...rest }) => ({
    ...rest,
    at: toSafeInteger(at, 'the time of a loss'),
    person: person === null ? null : toSafeInteger(person, 'the person of a loss'),
    kopecks: kopecks === null ? null : toSafeInteger(kopecks, 'the kopecks of a loss'),
    foundLater: found,
  }))
}

const causeOf = ({ cause, count, credits, unknown, kopecks, first, last }: CauseRow): CauseOfDay => ({
  cause,
  count,
  credits,
  unknownCredits: unknown,
  kopecks: toSafeInteger(kopecks, 'the kopecks of losses'),
  firstCid: first,
  lastDetail: last,
})
