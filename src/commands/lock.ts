import type { Config } from '../config/config.ts'
import { endRedisHold, redisKeyOf } from '../leadership/redis-lock.ts'
import type { Database } from '../storage/postgres/database.ts'
import { readInstances } from '../storage/postgres/instances.ts'
import { endHolder } from '../storage/postgres/lock-admin.ts'
import { readLeader } from '../storage/postgres/preflight.ts'
import { sqlOf } from '../storage/postgres/store.ts'
import { type LeaderFacts, nameOf, silentMaxMs } from '../webhook/webhook-verdicts.ts'
import type { Command, CommandContext } from './command.ts'
import { withDatabase } from './with-database.ts'
import { readWords } from './words.ts'

export const lock: Command = {
  summary: 'Who leads: `lock show`; `lock free` ends the hold of an instance that froze.',
  usage: `  show           instance, host, pid, since when, epoch, and when it was last heard
  free           ends the hold of a holder that missed its heartbeats for ${silentMaxMs / 1000} s, and of no other
  --force NAME   with free: ends it although it lives; NAME is the instance that lock show names

Freeing takes the lead from that instance and from nobody else; a standby has it at once. An instance that was only slow
asks for it again by itself.`,
  async run(context) {
    const read = readWords(context.words, { force: { type: 'string' } })
    if (!read.ok) {
      context.complain(read.problem)
      return 1
    }
    const [act] = read.rest
    if (act === 'show') return await withDatabase(context, (database, config) => show(context, database, config))
    if (act === 'free')
      return await withDatabase(context, (database, config) => free(context, database, config, read.values.force))
    context.complain('Say what to do with the lock: trt lock show, or trt lock free')
    return 1
  },
}

async function show(context: CommandContext, { work, schema }: Database, { instanceOf }: Config): Promise<number> {
  const { print } = context
  const leader = await leaderOf(context, work, schema)
  if (leader === undefined) return 1
  if (!leader.isHeld) {
    print(`Nobody holds the lock of ${instanceOf}. The last was ${nameOf(leader)}, in epoch ${leader.epoch}.`)
    print('Start the service: npm start')
    return 0
  }
  const {
    instance = 'not named yet',
    host = 'unknown',
    pid = 'unknown',
    since,
    epoch,
    renewedAt,
    silentMs = 0,
  } = leader
  const rows = {
    backend: leader.backend,
    instance,
    host,
    pid: String(pid),
    since: timeOf(since),
    epoch: String(epoch),
    'last heard': `${timeOf(renewedAt)}, ${(silentMs / 1000).toFixed(1)} s ago`,
  }
  for (const [name, value] of Object.entries(rows)) print(`${name.padEnd(11)} ${value}`)
  for (const each of (await readInstances(work)).filter((other) => other.instance !== instance)) {
    const how = each.work === 'shared' ? 'works beside it' : 'stands by'
    print(`${how.padEnd(11)} ${nameOf(each)}, heard ${(each.silentMs / 1000).toFixed(1)} s ago`)
  }
  print(isFrozen(leader) ? 'It is silent for too long. End its hold: trt lock free' : 'It lives. Nothing to do.')
  return 0
}

async function free(
  context: CommandContext,
  database: Database,
  config: Config,
  force: string | undefined,
): Promise<number> {
  const { print, complain } = context
  const { work, schema } = database
  const leader = await leaderOf(context, work, schema)
  if (leader === undefined) return 1
  const { instance } = leader
  if (!leader.isHeld || instance === undefined) {
    print('Nobody holds the lock, so there is nothing to free. Start the service: npm start')
    return 0
  }
  if (force !== undefined && force !== instance) {
    complain(`The holder is not ${force}. See who it is: trt lock show`)
    return 1
  }
  if (force === undefined && !isFrozen(leader)) {
    const heard = Math.round((leader.silentMs ?? 0) / 1000)
    complain(`${nameOf(leader)} lives: it was heard ${heard} s ago, so its hold stays.`)
    complain(`Stop that process instead; or, to take the lead from it all the same: trt lock free --force ${instance}`)
    return 1
  }
  const ended = await end(context, database, config, { ...leader, instance }, force === undefined)
  if (!ended) {
    complain('The holder changed at this very moment. See who it is now: trt lock show')
    return 1
  }
  print(`The hold of ${nameOf(leader)} is ended. Find out why it froze; see who leads now: trt lock show`)
  return 0
}

/** With the authority that gave it; a key of Redis runs out by itself when its holder is silent. */
async function end(
  { clock }: CommandContext,
  { work, schema }: Database,
  { lock: authority }: Config,
  { backend, instance }: LeaderFacts & { readonly instance: string },
  onlyIfSilent: boolean,
): Promise<boolean> {
  if (backend === 'postgres') return await endHolder(sqlOf(work), instance, onlyIfSilent ? silentMaxMs : undefined)
  if (authority.backend === 'redis') {
    return await endRedisHold({ ...authority, key: redisKeyOf(schema), instance, clock })
  }
  throw new Error('the holder has its leadership of Redis: set LOCK_BACKEND and REDIS_URL as the service has them')
}

async function leaderOf({ complain }: CommandContext, work: Database['work'], schema: string) {
  try {
    const leader = await readLeader(work, schema)
    if (leader !== undefined) return leader
  } catch (error) {
    // The schema is not there before the first start.
    if (!(error instanceof Error && 'code' in error && error.code === '42P01')) throw error
  }
  complain('Nobody has ever led here: the first start makes the schema. Start the service: npm start')
  return undefined
}

const isFrozen = ({ silentMs = 0 }: LeaderFacts): boolean => silentMs > silentMaxMs
const timeOf = (at: number | undefined): string => (at === undefined ? 'unknown' : new Date(at).toISOString())
