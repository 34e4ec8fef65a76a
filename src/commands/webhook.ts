import { type Config, readConfig } from '../config/config.ts'
import { newSecret } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import { openDatabase } from '../storage/postgres/database.ts'
import { keptSecret } from '../storage/postgres/secrets.ts'
import { createTelegramClient } from '../telegram/client.ts'
import { createRedact } from '../telemetry/redact.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { WebhookSeen } from '../webhook/webhook.ts'
import { wantedUpdates } from '../webhook/webhook.ts'
import type { Command, CommandContext } from './command.ts'
import { type Surroundings, surround } from './surroundings.ts'
import { readWords } from './words.ts'

export const webhook: Command = {
  summary: 'The webhook by hand: `webhook set`, `webhook info`, `webhook delete`.',
  usage: `  set                 register it as the leader would
  info                what Telegram has
  info --reveal       also the curl lines that do the same, with the secrets; on a terminal only
  delete              remove it; the leader of a running service sets it again within a minute
  --url URL           with set: this public address instead of that of the settings
  --drop-pending      with set and delete: also throw away the updates that wait; they are lost

Updates that wait are kept unless --drop-pending is typed.`,
  async run(context) {
    const { words, complain, env } = context
    const typed = readWords(words, options)
    if (!typed.ok) {
      complain(typed.problem)
      return 1
    }
    const [act] = typed.rest
    if (act !== 'set' && act !== 'info' && act !== 'delete') {
      complain('Say what to do with the webhook: trt webhook info, trt webhook set, or trt webhook delete')
      return 1
    }
    if (typed.values.reveal === true && context.reveal === undefined) {
      complain('--reveal prints secrets, so it works on a terminal only, not into a file or a pipe.')
      return 1
    }
    const read = readConfig(env)
    if (!read.ok) {
      for (const { setting, problem, todo } of read.problems) complain(`${setting} ${problem}: ${todo}`)
      return 1
    }
    const around = await surround(context, read.config, { pages: false })
    try {
      return await acts[act](context, read.config, around, typed.values)
    } finally {
      await around.release()
    }
  },
}

const options = {
  url: { type: 'string' },
  'drop-pending': { type: 'boolean' },
  reveal: { type: 'boolean' },
} as const
type Values = { readonly url?: string; readonly 'drop-pending'?: boolean; readonly reveal?: boolean }
type Act = (context: CommandContext, config: Config, around: Surroundings, typed: Values) => Promise<number>
const acts: Readonly<Record<'set' | 'info' | 'delete', Act>> = { set, info, delete: remove }

async function set(context: CommandContext, config: Config, around: Surroundings, typed: Values): Promise<number> {
  const { print, complain } = context
  const telegram = telegramOf(context, around)
  const before = await telegram.getWebhookInfo()
  const base = typed.url ?? baseOf(config, before)
  if (base === undefined) {
    complain('Where is this service reached? Set WEBHOOK_BASE_URL, or: trt webhook set --url https://bot.example.com')
    return 1
  }
  const { path, token } = await secretsOf(context, config, around)
  const url = `${base.replace(/\/+$/, '')}/webhook/${path}`
  const dropPending = typed['drop-pending'] === true
  const wish = { url, secretToken: token, allowedUpdates: wantedUpdates, dropPending }
  const taken = await patiently(context, () => telegram.setWebhook(wish))
  if (taken.kind !== 'done') return refused(context, 'set', taken)
  print(`Set: ${base}/webhook/***${dropPending ? '; what waited was thrown away' : ''}`)
  return await report(context, await telegram.getWebhookInfo(), url)
}

async function info(context: CommandContext, config: Config, around: Surroundings, typed: Values): Promise<number> {
  const { reveal } = context
  const seen = await telegramOf(context, around).getWebhookInfo()
  const { path, token } = await secretsOf(context, config, around)
  const code = await report(context, seen)
  if (reveal === undefined || typed.reveal !== true) return code
  const base = baseOf(config, seen) ?? 'https://YOUR.ADDRESS'
  const api = `${around.telegramApiRoot}/bot${around.botToken}`
  const updates = JSON.stringify(wantedUpdates)
  reveal(`curl -s '${api}/getWebhookInfo'`)
  reveal(
    `curl -s '${api}/setWebhook' -d 'url=${base}/webhook/${path}' -d 'secret_token=${token}' -d 'allowed_updates=${updates}'`,
  )
  reveal(`curl -s '${api}/deleteWebhook'`)
  reveal('These lines hold the secrets of this bot: paste them nowhere else.')
  return code
}

async function remove(context: CommandContext, _config: Config, around: Surroundings, typed: Values): Promise<number> {
  const dropPending = typed['drop-pending'] === true
  const telegram = telegramOf(context, around)
  const removed = await patiently(context, () => telegram.deleteWebhook({ dropPending }))
  if (removed.kind !== 'done') return refused(context, 'delete', removed)
  context.print(dropPending ? 'Removed, with the updates that waited.' : 'Removed. Updates that wait are kept a day.')
  context.print('A running service sets it again within a minute; by hand: trt webhook set')
  return 0
}

const telegramOf = ({ clock }: CommandContext, { botToken, telegramApiRoot }: Surroundings) =>
  createTelegramClient({ token: botToken, apiRoot: telegramApiRoot, clock })

const triesMax = 3
/** A wait that is longer is told instead of waited. */
const waitMsMax = 30_000

/** Telegram takes one change of the webhook a second, and names the wait when it was asked too soon. */
async function patiently<T>(
  { clock, signal, print }: CommandContext,
  change: () => Promise<Outcome<T, string>>,
): Promise<Outcome<T, string>> {
  for (let tried = 1; ; tried++) {
    const outcome = await change()
    if (outcome.kind !== 'not_done' || outcome.retry.when !== 'later' || tried === triesMax) return outcome
    const { afterMs } = outcome.retry
    if (afterMs === undefined || afterMs > waitMsMax || signal.aborted) return outcome
    print(`Telegram wants ${Math.ceil(afterMs / 1000)} s of patience…`)
    await clock.sleep(afterMs, signal)
  }
}

/** The settings know the address in the live world; in the sandbox the start chose it, and Telegram has it. */
function baseOf({ world }: Config, seen: Outcome<WebhookSeen, string>): string | undefined {
  if (world.kind === 'live') return world.publicUrl
  const url = seen.kind === 'done' ? seen.value.url : ''
  return url.includes('/webhook/') ? url.replace(/\/webhook\/[^/]*$/, '') : undefined
}

/** The same secrets as a start would take: of the settings, else made once and kept in the database. */
async function secretsOf(context: CommandContext, { webhook: own, instanceOf, log }: Config, around: Surroundings) {
  const { clock } = context
  const telemetry = createTelemetry({ clock, redact: createRedact([]), write: context.complain, ...log })
  const database = openDatabase({ url: around.databaseUrl, schema: instanceOf, maxConn: 6, clock, telemetry })
  try {
    return {
      path: own.secretPath ?? (await keptSecret(database.work, 'webhook_path', newSecret)),
      token: own.secretToken ?? (await keptSecret(database.work, 'webhook_token', newSecret)),
    }
  } finally {
    await database.end()
  }
}

/** What Telegram has, for people. `wanted`: the address it should be. */
async function report(context: CommandContext, seen: Outcome<WebhookSeen, string>, wanted?: string): Promise<number> {
  const { print, complain } = context
  if (seen.kind !== 'done') return refused(context, 'info', seen)
  const { url, pending, allowedUpdates, lastError } = seen.value
  print(`url              ${url === '' ? 'none' : url.replace(/[^/]+$/, '***')}`)
  print(`pending          ${pending}`)
  print(`allowed_updates  ${allowedUpdates.length === 0 ? 'the default' : allowedUpdates.join(', ')}`)
  print(
    `last_error       ${lastError === undefined ? 'none' : `${new Date(lastError.at).toISOString()} ${lastError.message}`}`,
  )
  if (wanted !== undefined && url !== wanted) {
    complain('Telegram has another address than the one just set: another program uses this bot token. See trt doctor.')
    return 1
  }
  print(
    url === '' ? 'There is no webhook. Start the service, or: trt webhook set' : 'See trt doctor for what it means.',
  )
  return 0
}

function refused(
  { complain }: CommandContext,
  doing: string,
  outcome: Exclude<Outcome<unknown, string>, { kind: 'done' }>,
) {
  const todo = outcome.kind === 'unknown' ? 'It may or may not have happened: trt webhook info' : 'See trt doctor.'
  complain(`webhook ${doing}: ${outcome.detail}. ${todo}`)
  return 1
}
