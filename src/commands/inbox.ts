import type { Database } from '../storage/postgres/database.ts'
import { listWaiting, retryItem, shelveItem } from '../storage/postgres/inbox-admin.ts'
import { notifyStored } from '../storage/postgres/listen.ts'
import { botOfSchema } from '../storage/postgres/secrets.ts'
import { sqlOf } from '../storage/postgres/store.ts'
import type { Command, CommandContext } from './command.ts'
import { withDatabase } from './with-database.ts'

export const inbox: Command = {
  summary: 'Updates that wait or were set aside: `inbox list`, `inbox retry ID`, `inbox shelve ID`.',
  usage: `  list        what waits and what was set aside, oldest first
  retry ID    handle this update again (its update_id)
  shelve ID   set it aside, so that its lane goes on`,
  async run(context) {
    const [act = '', id = ''] = context.words
    if (act === 'list') return await withDatabase(context, (database) => list(context, database))
    if ((act === 'retry' || act === 'shelve') && /^\d{1,15}$/.test(id)) {
      return await withDatabase(context, (database) => change(context, database, act, Number(id)))
    }
    context.complain('Say what to do: trt inbox list, or trt inbox retry 12345 (an update_id of the list)')
    return 1
  },
}

async function list({ print }: CommandContext, { work }: Database): Promise<number> {
  const sql = sqlOf(work)
  const items = await listWaiting(sql, await botOfSchema(sql))
  for (const { update_id, kind, lane, cid, attempts, interrupted, state, received_at, last_error } of items) {
    const since = new Date(received_at).toISOString()
    const tries = `attempts=${attempts}${interrupted === 0 ? '' : ` interrupted=${interrupted}`}`
    const error = last_error === null ? '' : ` error=${JSON.stringify(last_error.slice(0, 200))}`
    print(`${update_id}  ${state}  ${kind}  lane=${lane}  cid=${cid}  ${tries}  since ${since}${error}`)
  }
  const shelved = items.filter(({ state }) => state === 'shelved').length
  print(
    shelved === 0
      ? `${items.length} waiting. Nothing to do.`
      : `${shelved} set aside: trt story <cid>, then trt inbox retry <update>.`,
  )
  return 0
}

async function change(
  { clock, complain, print }: CommandContext,
  { work, schema }: Database,
  act: 'retry' | 'shelve',
  id: number,
): Promise<number> {
  const sql = sqlOf(work)
  const bot = await botOfSchema(sql)
  const changed = act === 'retry' ? await retryItem(sql, bot, id) : await shelveItem(sql, bot, id, clock.now())
  if (!changed) {
    complain(`There is no such update to ${act}: ${id}. See trt inbox list.`)
    return 1
  }
  await notifyStored(work, schema)
  print(act === 'retry' ? `${id} is handled again now; follow it in the log.` : `${id} is set aside; its lane goes on.`)
  return 0
}
