import { stat } from 'node:fs/promises'
import path from 'node:path'
import { compileCatalog } from '../catalog/compile-catalog.ts'
import type { Config } from '../config/config.ts'
import { resolveHost } from '../http/public-address.ts'
import { createKieClient } from '../kie/client.ts'
import { fileHosts } from '../kie/file-hosts.ts'
import { chatOfPerson, personId } from '../kit/ids.ts'
import { whyRedisIsSilent } from '../leadership/redis-lock.ts'
import {
  type DatabaseFacts,
  type Finding,
  failed,
  judgeDatabase,
  judgeDatabaseFault,
  judgeFileHosts,
  judgeIdentity,
  judgeOperator,
  judgeProvider,
  judgeSchema,
  judgeShop,
  judgeSkew,
  judgeStorage,
  judgeTopUps,
  judgeWork,
  judgeWorld,
  ok,
  warning,
} from '../preflight/preflight.ts'
import { readOfferFiles } from '../storage/catalog-files.ts'
import { connectOnce } from '../storage/postgres/database.ts'
import { readInstances } from '../storage/postgres/instances.ts'
import { readMigrations } from '../storage/postgres/migrate.ts'
import { lastUpdateAt, readDatabaseFacts, readLeader } from '../storage/postgres/preflight.ts'
import { readSecret } from '../storage/postgres/secrets.ts'
import { readShopSettings } from '../storage/postgres/shop-settings.ts'
import { createTelegramClient } from '../telegram/client.ts'
import {
  judgePolling,
  judgeStars,
  judgeWebhook,
  type LeaderFacts,
  nameOf,
  type TelegramsWord,
} from '../webhook/webhook-verdicts.ts'
import type { CommandContext } from './command.ts'
import { fieldOf, look, type Seen } from './outside.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * Everything that can be looked at from outside the running service, and what it means: the report behind `doctor`.
 * Changes nothing, anywhere.
 */
export async function examine(
  context: Pick<CommandContext, 'clock'>,
  config: Config,
  around: Surroundings,
): Promise<readonly Finding[]> {
  const { clock } = context
  const telegram = createTelegramClient({ token: around.botToken, apiRoot: around.telegramApiRoot, clock })
  const kie = createKieClient({ apiUrl: around.kieApiUrl, uploadUrl: around.kieUploadUrl, key: around.kieKey, clock })
  const hosts = fileHosts({ apiUrl: around.kieApiUrl, uploadUrl: around.kieUploadUrl })
  const [storage, stored, catalog, me, word, time, credits, local, operators, files] = await Promise.all([
    judgeOwnStorage(config, around),
    inspectDatabase(context, config, around),
    judgeCatalog(),
    telegram.getMe(),
    telegram.getWebhookInfo(),
    look(clock, `${around.telegramApiRoot}/`),
    kie.credits(),
    lookAtService(context, config),
    Promise.all(
      config.operators.map(async (id) =>
        judgeOperator(id, await telegram.sayBusy({ chat: chatOfPerson(personId(id)) }, 'typing')),
      ),
    ),
    Promise.all(hosts.map((host) => resolveHost(host))),
  ])
  const webhook = word.kind === 'done' ? word.value : undefined
  const isPolling = config.world.kind === 'live' && config.world.mode === 'polling'
  const baseUrl = config.world.kind === 'live' ? config.world.publicUrl : undefined
  const facts = {
    now: clock.now(),
    isLive: config.world.kind === 'live',
    hasSecretToken: config.webhook.secretToken !== undefined || stored.secretToken !== undefined,
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...given('secretPath', config.webhook.secretPath ?? stored.secretPath),
    ...given('leader', stored.leader),
    ...given('telegram', webhook),
    ...given('lastUpdateAt', stored.lastUpdateAt),
  }
  return [
    storage,
    ...stored.findings,
    catalog,
    judgeTopUps(config.shop.starsPerRub),
    judgeIdentity(me),
    ...operators.filter((finding) => finding !== undefined),
    ...judgeTime(time, clock.now()),
    judgeService(local, config),
    ...(isPolling ? [] : [await judgePublic(context, baseUrl, webhook)]),
    ...(isPolling ? [] : await judgeRelay(context, config, stored, baseUrl, webhook)),
    ...(isPolling ? judgePolling(facts) : [...judgeWebhook(facts), judgeStars(webhook)]),
    judgeProvider(credits),
    ...(files.length === 0 ? [] : [judgeFileHosts(files)]),
  ]
}

type Stored = {
  readonly findings: readonly Finding[]
  readonly leader?: LeaderFacts
  readonly secretPath?: string
  readonly secretToken?: string
  readonly lastUpdateAt?: number
}

async function inspectDatabase(
  context: Pick<CommandContext, 'clock'>,
  config: Config,
  { databaseUrl, world }: Surroundings,
): Promise<Stored> {
  const { clock } = context
  const { instanceOf, dbMaxConn } = config
  const connect = () => connectOnce({ url: databaseUrl, schema: instanceOf, owner: 'doctor' })
  let facts: DatabaseFacts
  try {
    facts = await readDatabaseFacts(connect, instanceOf, () => clock.now())
  } catch (error) {
    return { findings: [judgeDatabaseFault(error)] }
  }
  const shipped = (await readMigrations()).length
  const findings = [
    ...judgeDatabase(facts, dbMaxConn),
    judgeSchema(facts.schema, instanceOf, shipped),
    judgeWorld(facts.schema?.world, world),
  ]
  if (facts.schema === undefined) return { findings: [...findings, await judgeLock(context, config)] }
  const client = await connect()
  try {
    const leader = await readLeader(client, instanceOf)
    return {
      findings: [
        ...findings,
        judgeShop(await readShopSettings(client), config.shop),
        judgeWork(await readInstances(client), config.work),
        await judgeLock(context, config, leader),
      ],
      ...given('leader', leader),
      ...given('secretPath', await readSecret(client, 'webhook_path')),
      ...given('secretToken', await readSecret(client, 'webhook_token')),
      ...given('lastUpdateAt', await lastUpdateAt(client)),
    }
  } catch (error) {
    return { findings: [...findings, judgeDatabaseFault(error)] }
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The authority that the settings name must answer; that another one gave the leadership is a change under way. */
async function judgeLock({ clock }: Pick<CommandContext, 'clock'>, { lock }: Config, leader?: LeaderFacts) {
  const { backend } = lock
  if (lock.backend === 'redis') {
    const silence = await whyRedisIsSilent({ ...lock, clock })
    if (silence !== undefined) {
      const todo = 'start Redis, or correct REDIS_URL; until then nobody leads, and updates are stored and wait'
      return failed('lock', `redis; it does not answer (${silence})`, todo)
    }
  }
  if (leader === undefined || !leader.isHeld) return ok('lock', `${backend}; free, whoever starts first leads`)
  const heard = Math.round((leader.silentMs ?? 0) / 1000)
  const says = `${leader.backend}; held by ${nameOf(leader)}, heard ${heard} s ago`
  if (leader.backend === backend) return ok('lock', says)
  const todo = 'give every instance the same LOCK_BACKEND; one of the others waits until that hold is given back'
  return warning('lock', `${says}, while LOCK_BACKEND is ${backend} here`, todo)
}

/** Whether what is kept outlives this machine, or the next deploy. */
export async function judgeOwnStorage(
  { storage, world, dataDir }: Config,
  { place = dataDir }: Pick<Surroundings, 'place'> = {},
): Promise<Finding> {
  const isHost = world.kind === 'live' && world.isEphemeralHost
  return judgeStorage(storage.engine === 'postgres' ? storage : { engine: 'embedded', place }, {
    kind: world.kind,
    diskStays: !isHost || (await isMountOfItsOwn(dataDir)),
  })
}

/** A folder on another device than the root of the file system is a disk that somebody mounted. */
async function isMountOfItsOwn(folder: string): Promise<boolean> {
  const deviceOf = async (place: string): Promise<number | undefined> =>
    (await stat(place).catch(() => undefined))?.dev ?? (place === '/' ? undefined : await deviceOf(path.dirname(place)))
  return (await deviceOf(path.resolve(folder))) !== (await deviceOf('/'))
}

async function judgeCatalog(): Promise<Finding> {
  const compiled = compileCatalog(await readOfferFiles())
  if (compiled.ok) return ok('catalog', `${compiled.catalog.offers.length} offers are in order`)
  return failed(
    'catalog',
    `${compiled.problems.length} problems in the offers`,
    'run trt catalog check for file and line',
  )
}

function judgeTime(seen: Seen, now: number): readonly Finding[] {
  if (seen.kind === 'silent' || seen.date === undefined) return []
  // Its clock tells whole seconds, cut off: on average it is half a second behind what it says.
  return [judgeSkew('clock.telegram', "Telegram's", seen.date + 500 - now)]
}

async function lookAtService({ clock }: Pick<CommandContext, 'clock'>, { http }: Config): Promise<Seen> {
  const host = http.address === '0.0.0.0' ? '127.0.0.1' : http.address.includes(':') ? '[::1]' : http.address
  const headers = http.metricsToken === undefined ? {} : { authorization: `Bearer ${http.metricsToken}` }
  return await look(clock, `http://${host}:${http.port}/health`, { headers, limitMs: 2_000 })
}

function judgeService(seen: Seen, { http }: Config): Finding {
  const check = 'service'
  const mode = seen.kind === 'answered' ? fieldOf(seen.body, 'mode') : undefined
  if (seen.kind === 'silent') {
    return warning(
      check,
      `nothing listens on port ${http.port} here`,
      'start the service (npm start), or ask where it runs',
    )
  }
  if (typeof mode !== 'string') {
    return failed(check, `another program listens on port ${http.port}`, 'set PORT to a free one, or end that program')
  }
  const problems = fieldOf(seen.body, 'problems')
  const named = Array.isArray(problems) ? problems.map(String) : []
  const says = `port ${http.port}: ${mode}, ${String(fieldOf(seen.body, 'status'))}`
  if (seen.status !== 200)
    return failed(check, `${says}; it cannot store updates (${named.join(', ')})`, 'see database')
  if (named.length > 0) return warning(check, `${says}: ${named.join(', ')}`, 'see docs/operations.md for each of them')
  return ok(check, says)
}

/** Whether the address that Telegram is given leads to a service like this one. */
async function judgePublic(
  { clock }: Pick<CommandContext, 'clock'>,
  baseUrl: string | undefined,
  telegram: TelegramsWord | undefined,
): Promise<Finding> {
  const check = 'public'
  const base = baseUrl ?? telegram?.url.replace(/\/webhook\/[^/]*$/, '')
  if (base === undefined || base === '') return warning(check, 'no public address is known yet', 'see webhook.settings')
  const seen = await look(clock, `${base}/healthz`)
  if (seen.kind === 'silent' && baseUrl === undefined) {
    // The address of a sandbox's service is that of the last start.
    return warning(check, `${base} does not answer (${seen.detail})`, 'start the service: npm start')
  }
  if (seen.kind === 'silent') {
    return failed(
      check,
      `${base} does not answer (${seen.detail})`,
      'start the service; when it runs, correct WEBHOOK_BASE_URL or what stands in front of it',
    )
  }
  if (seen.status !== 200 || typeof fieldOf(seen.body, 'instance') !== 'string') {
    return failed(
      check,
      `${base}/healthz answers ${seen.status}, and not as this service does`,
      'correct WEBHOOK_BASE_URL, or what stands in front of the service',
    )
  }
  return ok(check, `${base} leads to instance ${String(fieldOf(seen.body, 'instance'))}`)
}

/**
 * Whether a relay in front of the service answers Telegram by itself. The service refuses a body that is no update. When
 * such a body gets a 200, it comes from the relay, and Telegram does not see what the service responds either.
 */
async function judgeRelay(
  { clock }: Pick<CommandContext, 'clock'>,
  { webhook: { secretPath: path, secretToken: token }, isPreCheckoutCalled }: Config,
  stored: Stored,
  baseUrl: string | undefined,
  telegram: TelegramsWord | undefined,
): Promise<readonly Finding[]> {
  const check = 'relay'
  const secretPath = path ?? stored.secretPath
  const secretToken = token ?? stored.secretToken
  const base = baseUrl ?? telegram?.url.replace(/\/webhook\/[^/]*$/, '')
  if (base === undefined || base === '' || secretPath === undefined || secretToken === undefined) return []
  const headers = { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secretToken }
  const seen = await look(clock, `${base}/webhook/${secretPath}`, { method: 'POST', headers, body: '{}' })
  // Whether the address leads here at all is the finding before this one.
  if (seen.kind === 'silent') return []
  if (seen.status < 200 || seen.status >= 300) {
    return [ok(check, 'none: the answers of this service travel back to Telegram')]
  }
  const says = `what stands in front of ${base} answers Telegram by itself (${seen.status} to what is no update)`
  if (isPreCheckoutCalled) return [ok(check, `${says}; pre-checkouts are answered by a call`)]
  return [
    failed(
      check,
      `${says}, so nobody can pay: the answer to a pre-checkout is lost, and so is "later"`,
      'let it pass the answers of this service on; until then set PRE_CHECKOUT=call and restart',
    ),
  ]
}

function given<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]: V })
}
