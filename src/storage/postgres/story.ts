import { storyFlag } from './errands.ts'
import type { Sql } from './sql.ts'

/** One thing that happened in a story: when, where it is kept, and what it says. */
export type Chapter = { readonly at: number; readonly what: string; readonly detail: string }

/** Everything of one cid, in order. A cid is short, so two stories may in theory share one: both are shown. */
export async function readStory(sql: Sql, schema: string, cid: string): Promise<readonly Chapter[]> {
  const STORY = `
    select received_at as at, 'update' as what,
           concat_ws(' ', kind, 'update_id=' || update_id, 'lane=' || lane, 'attempts=' || attempts,
             case when shelved_at is not null then 'SHELVED' when finished_at is not null then 'handled' else 'waiting' end,
             'error=' || last_error) as detail
      from inbox where cid = $1
    union all
    select placed_at, 'order', concat_ws(' ', id, 'offer=' || offer, 'status=' || status, 'task=' || task,
           'reason=' || (body->'order'->>'reason'), 'said=' || (body->'order'->>'said'),
           'not_shown=' || (body->'order'->>'notShown')) from orders where cid = $1
    union all
    select (each->>'refusedAt')::bigint, 'result', concat_ws(' ', number, 'of', id, 'is looked for: ' || (each->>'said'))
      from orders, jsonb_array_elements(body->'order'->'artifacts') with ordinality as a (each, number)
     where cid = $1 and each->>'state' = 'waiting' and each ? 'refusedAt'
    union all
    select at, 'loss', concat_ws(' ', cause, 'order=' || order_id, 'result=' || result, 'credits=' || credits,
        'kopecks=' || kopecks, 'said=' || detail)
      from losses where cid = $1
    union all
    select at, 'money', concat_ws(' ', kind, amount || ' ' || unit, source || ' → ' || target, 'order=' || order_id,
        case when kind = 'credit' then 'charge=' || regexp_replace(cause, '^credit:\\d+:', '') end)
      from transfers where cid = $1
    union all
    select at, 'refund', concat_ws(' ', what, id, state, case when is_forced then 'forced' end, 'why=' || why)
      from refunds where cid = $1
    union all
    select (extract(epoch from run_at) * 1000)::bigint, 'errand',
           concat_ws(' ', task_identifier, case when locked_at is null then 'waiting' else 'executing' end,
             'repeats=' || (select substr(f, 9) from jsonb_object_keys(flags) f where starts_with(f, 'repeats:')))
      from ${schema}_jobs.jobs where flags ? $2 and attempts < max_attempts
    union all
    select (extract(epoch from shelved_at) * 1000)::bigint, 'errand',
           concat_ws(' ', kind, 'SHELVED', 'job=' || id, 'error=' || reason)
      from shelved_jobs where cid = $1
    order by at`
  return (await sql.query<Chapter>(STORY, [cid, storyFlag(cid)])).rows
}
