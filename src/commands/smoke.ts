import { type Config, readConfig } from '../config/config.ts'
import { keptConnections } from '../kit/exchange.ts'
import { connectOnce } from '../storage/postgres/database.ts'
import { type Probe, readProbes } from '../storage/postgres/probes.ts'
import { readSecret } from '../storage/postgres/secrets.ts'
import { createTelegramClient } from '../telegram/client.ts'
import type { Command, CommandContext } from './command.ts'
import { fieldOf, look, type Seen } from './outside.ts'
import { Red } from './red.ts'
import { findSandbox, walk } from './smoke-walk.ts'
import { type Surroundings, surround } from './surroundings.ts'
import { numberOf, readWords } from './words.ts'

export const smoke: Command = {
  summary: 'The two-minute check of a running deployment: `smoke --url URL`.',
  usage: `  --url URL          where it is reached; default: this machine, at PORT
  --ack-max-ms N     red when the 95th percentile of the acknowledgements is over it; default 200
  --handled-max-ms N red when an acknowledged update is not handled by then; default 10000
  --posts N          how many updates are posted; default 20
  --log FILE         also look for each step in this log of the service

Health; the webhook is set and is this one; a fast acknowledgement with the secret; a wrong secret refused; a duplicate
handled once. On a live bot it sends only updates that touch nobody. Against a sandbox it also goes the way of a buyer:
/start, a category, a free model, a prompt, the run, the picture; and compares what is kept under each cid.

Needs the settings of the service: its secrets are in them, or in its database.`,
  async run(context) {
    const { words, complain, env } = context
    const read = readWords(words, {
      url: { type: 'string' },
      'ack-max-ms': { type: 'string', default: '200' },
      'handled-max-ms': { type: 'string', default: '10000' },
      posts: { type: 'string', default: '20' },
      log: { type: 'string' },
    })
    if (!read.ok) return refuse(complain, read.problem)
    const ackMaxMs = numberOf(read.values['ack-max-ms'], { min: 1, max: 60_000 })
    const handledMaxMs = numberOf(read.values['handled-max-ms'], { min: 1, max: 600_000 })
    const posts = numberOf(read.values.posts, { min: 1, max: 1_000 })
    if (ackMaxMs === undefined || handledMaxMs === undefined || posts === undefined) {
      return refuse(complain, '--ack-max-ms takes 1 to 60000, --handled-max-ms 1 to 600000, --posts 1 to 1000.')
    }
    const settings = readConfig(env)
    if (!settings.ok) {
      for (const { setting, problem, todo } of settings.problems) complain(`${setting} ${problem}: ${todo}`)
      return 1
    }
    const { config } = settings
    const url = (read.values.url ?? `http://127.0.0.1:${config.http.port}`).replace(/\/+$/, '')
    const around = await surround({ ...context, print: () => {} }, config, { pages: false })
    try {
      const log = read.values.log === undefined ? {} : { log: read.values.log }
      return await smokeAll(context, config, around, { url, ackMaxMs, handledMaxMs, posts, ...log })
    } finally {
      await around.release()
    }
  },
}

type Wish = {
  readonly url: string
  readonly ackMaxMs: number
  readonly handledMaxMs: number
  readonly posts: number
  readonly log?: string
}
async function smokeAll(
  context: CommandContext,
  config: Config,
  around: Surroundings,
  { url, ackMaxMs, handledMaxMs, posts, log }: Wish,
): Promise<number> {
  const { print, complain, clock } = context
  const started = clock.monotonicMs()
  const green = (step: string, says: string) => print(`ok       ${step.padEnd(12)} ${says}`)
  let step = 'health'
  try {
    green(step, await isHealthy(context, url))
    step = 'secrets'
    const secrets = await readSecrets(config, around)
    step = 'webhook'
    green(step, await isRegistered(context, config, around, secrets.path))
    step = 'refusal'
    green(step, await refusesStrangers(context, url, secrets))
    step = 'ack'
    const ids = probeIds(clock.now(), posts)
    green(step, await acknowledges(context, url, secrets, { ids, ackMaxMs, bot: around.world.bot }))
    step = 'handled'
    green(step, await handlesOnce(context, config, around, { ids, handledMaxMs }))
    const sandbox = await findSandbox(clock, around)
    const journey = (at: string) => ({
      sandbox: at,
      bot: around.world.bot,
      databaseUrl: around.databaseUrl,
      schema: config.instanceOf,
      ...(log === undefined ? {} : { log }),
    })
    step = 'journey'
    if (sandbox === undefined)
      print('-        journey      a live bot; go it yourself: /start, 🎨, a model, test, Запустить')
    else green(step, await walk(context, journey(sandbox)))
  } catch (error) {
    if (!(error instanceof Red)) throw error
    print(`RED      ${step.padEnd(12)} ${error.message}`)
    complain(`Red at ${step}. For the cause of most of it: trt doctor`)
    return 1
  }
  print(`\nGreen in ${((clock.monotonicMs() - started) / 1000).toFixed(1)} s. Nothing to do.`)
  return 0
}

/** Right after a deploy an instance stands by until the former one has left; a person would look again too. */
const patienceMs = 30_000

async function isHealthy({ clock, signal }: CommandContext, url: string): Promise<string> {
  const until = clock.monotonicMs() + patienceMs
  for (;;) {
    const seen = await look(clock, `${url}/health`)
    const mode = seen.kind === 'answered' ? fieldOf(seen.body, 'mode') : undefined
    if (seen.kind === 'silent') throw new Red(`${url} does not answer: ${seen.detail}`)
    if (typeof mode !== 'string') throw new Red(`${url}/health answers ${seen.status}, and not as this service does`)
    const isReady = seen.status === 200 && fieldOf(seen.body, 'ready') === true
    if (isReady && mode === 'active') return `active, ready, ${String(fieldOf(seen.body, 'status'))}`
    if (clock.monotonicMs() > until || signal.aborted) {
      if (!isReady) throw new Red(`it is not ready: ${namesOf(fieldOf(seen.body, 'problems'))}`)
      return 'passive, ready; another instance leads'
    }
    await clock.sleep(1_000, signal)
  }
}

const namesOf = (problems: unknown): string =>
  Array.isArray(problems) && problems.length > 0 ? problems.map(String).join(', ') : 'it names no reason'

type Secrets = { readonly path: string; readonly token: string }

async function readSecrets({ webhook, instanceOf }: Config, { databaseUrl }: Surroundings): Promise<Secrets> {
  const { secretPath: path, secretToken: token } = webhook
  if (path !== undefined && token !== undefined) return { path, token }
  const client = await connectOnce({ url: databaseUrl, schema: instanceOf, owner: 'smoke' })
  try {
    const kept = {
      path: path ?? (await readSecret(client, 'webhook_path')),
      token: token ?? (await readSecret(client, 'webhook_token')),
    }
    if (kept.path !== undefined && kept.token !== undefined) return { path: kept.path, token: kept.token }
    throw new Red('the service has made no secrets yet; start it once with these settings')
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function isRegistered(
  { clock }: CommandContext,
  { world }: Config,
  around: Surroundings,
  path: string,
): Promise<string> {
  const telegram = createTelegramClient({ token: around.botToken, apiRoot: around.telegramApiRoot, clock })
  const seen = await telegram.getWebhookInfo()
  if (seen.kind !== 'done') throw new Red(`Telegram could not be asked: ${seen.detail}`)
  const { url, pending } = seen.value
  if (world.kind === 'live' && world.mode === 'polling') {
    if (url === '') return `none, as polling wants it, ${pending} pending`
    throw new Red('a webhook is set while BOT_MODE is polling, so Telegram refuses to be polled: trt webhook delete')
  }
  if (url === '') throw new Red('the webhook is not set, so Telegram sends nothing. By hand: trt webhook set')
  if (!url.endsWith(`/webhook/${path}`)) {
    throw new Red('the webhook does not carry the secret path of this service. By hand: trt webhook set')
  }
  return `${url.replace(/[^/]+$/, '***')}, ${pending} pending`
}

async function refusesStrangers({ clock }: CommandContext, url: string, { path, token }: Secrets): Promise<string> {
  const body = JSON.stringify({ update_id: 1 })
  const ways = [
    { what: 'a wrong secret token', at: path, token: `${token}x`, status: 403 },
    { what: 'a missing secret token', at: path, token: undefined, status: 403 },
    { what: 'a wrong path', at: `${path}x`, token, status: 404 },
  ]
  for (const way of ways) {
    const seen = await post(clock, `${url}/webhook/${way.at}`, body, way.token)
    if (seen.kind === 'silent') throw new Red(`no answer: ${seen.detail}`)
    if (seen.status !== way.status)
      throw new Red(`${way.what} is answered with ${seen.status} instead of ${way.status}`)
  }
  return 'wrong token 403, no token 403, wrong path 404'
}

/** Far above every number Telegram gives out, so that no update of a person is ever taken for one of these. */
const probesFrom = 90_000_000_000_000
const probeIds = (now: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => probesFrom + now * 10 + index)

/** Posts the updates one after the other, the first of them twice. */
async function acknowledges(
  { clock }: CommandContext,
  url: string,
  { path, token }: Secrets,
  { ids, ackMaxMs, bot }: { readonly ids: readonly number[]; readonly ackMaxMs: number; readonly bot: number },
): Promise<string> {
  const connections = keptConnections()
  const tookMs: number[] = []
  for (const id of [...ids, ids[0] ?? 0]) {
    // The shape that operators post by hand: no chat, no date. It is from the bot itself, whom nobody answers.
    const body = JSON.stringify({ update_id: id, message: { text: '/start', from: { id: bot } } })
    const seen = await post(clock, `${url}/webhook/${path}`, body, token, connections)
    if (seen.kind === 'silent') throw new Red(`an update was not answered: ${seen.detail}`)
    if (seen.status === 403) throw new Red('the secret token of these settings is refused: the service has another one')
    if (seen.status === 404) throw new Red('the secret path of these settings is refused: the service has another one')
    if (seen.status !== 200) throw new Red(`an update was answered with ${seen.status} instead of 200`)
    tookMs.push(seen.tookMs)
  }
  connections.plain.destroy()
  connections.tls.destroy()
  const at = (share: number) => percentile(tookMs, share)
  const says = `${tookMs.length} in p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms`
  if (at(0.95) > ackMaxMs) {
    throw new Red(`slow: ${says}; more than ${ackMaxMs} ms. See trt_db_pool_wait_seconds and the disk of the database`)
  }
  return says
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0)
}

/** Every update is there once, is handled, and none failed. */
async function handlesOnce(
  { clock, signal }: CommandContext,
  { instanceOf }: Config,
  { databaseUrl }: Surroundings,
  { ids, handledMaxMs }: { readonly ids: readonly number[]; readonly handledMaxMs: number },
): Promise<string> {
  const client = await connectOnce({ url: databaseUrl, schema: instanceOf, owner: 'smoke' })
  const until = clock.monotonicMs() + handledMaxMs
  try {
    for (;;) {
      const found = await readProbes(client, ids)
      const failed = found.find(({ error }) => error !== null)
      if (found.length > ids.length) throw new Red('a duplicate was stored a second time')
      if (failed !== undefined) throw new Red(`handling failed: ${failed.error}. See trt story ${failed.cid}`)
      if (found.length === ids.length && found.every(({ isHandled }) => isHandled)) {
        return `${ids.length} updates are stored and handled once, the duplicate too`
      }
      if (clock.monotonicMs() > until || signal.aborted) throw new Red(waiting(found, ids.length, handledMaxMs))
      await clock.sleep(100, signal)
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}

function waiting(found: readonly Probe[], posted: number, waitedMs: number): string {
  if (found.length < posted)
    return `${posted} updates were acknowledged, and ${found.length} are stored in this database`
  const left = found.filter(({ isHandled }) => !isHandled).length
  return `${left} of ${posted} updates are not handled after ${waitedMs / 1000} s: nobody works. See trt lock show`
}

function post(
  clock: CommandContext['clock'],
  url: string,
  body: string,
  token?: string,
  connections?: ReturnType<typeof keptConnections>,
): Promise<Seen> {
  const secret = token === undefined ? {} : { 'x-telegram-bot-api-secret-token': token }
  return look(clock, url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...secret },
    body,
    ...(connections === undefined ? {} : { connections }),
  })
}

function refuse(complain: CommandContext['complain'], sentence: string): 1 {
  complain(sentence)
  return 1
}
