import { isDeepStrictEqual } from 'node:util'
import type { Bot, Webhook } from '../model.ts'
import { type Answer, answer, type Call, type Method } from './call.ts'
import { badRequest, conflict, tooManyRequests } from './errors.ts'
import type { Params } from './params.ts'

/** How a bot gets its updates. Webhook addresses follow the rules of a local server: http and any port. */
const connectionsDefault = 40
const connectionsMax = 100_000
const certificateBytesMax = 3 * 1024 * 1024
const oneAtATimeMs = 1000

const updateKinds = new Set([
  'message',
  'edited_message',
  'channel_post',
  'edited_channel_post',
  'business_connection',
  'business_message',
  'edited_business_message',
  'deleted_business_messages',
  'guest_message',
  'message_reaction',
  'message_reaction_count',
  'inline_query',
  'chosen_inline_result',
  'callback_query',
  'shipping_query',
  'pre_checkout_query',
  'purchased_paid_media',
  'poll',
  'poll_answer',
  'my_chat_member',
  'chat_member',
  'chat_join_request',
  'chat_boost',
  'removed_chat_boost',
  'managed_bot',
  'subscription',
])

/** Omitted: what was set stays. An empty list: the default set again. Unknown kinds are passed over. */
function readAllowedUpdates(bot: Bot, params: Params): Bot {
  const given = params.json('allowed_updates')
  if (!Array.isArray(given)) return bot
  const { allowedUpdates: _, ...rest } = bot
  const kinds = given.filter((kind) => typeof kind === 'string' && updateKinds.has(kind)).map(String)
  if (isDeepStrictEqual(bot.allowedUpdates ?? [], kinds)) return bot
  return kinds.length === 0 ? rest : { ...rest, allowedUpdates: kinds }
}

function withAllowedUpdates({ telegram, bot, params }: Call): Bot {
  const changed = readAllowedUpdates(bot, params)
  return changed === bot ? bot : telegram.bots.change(changed)
}

export const setWebhook: Method = (call) => {
  const { telegram, params } = call
  const url = params.text('url') ?? ''
  if (url === '') return removeWebhook(call)
  const webhook = readWebhook(call, url)
  const bot = withAllowedUpdates(call)
  const drop = params.bool('drop_pending_updates')
  if (bot.webhook !== undefined && !drop && !webhook.hasCertificate && isSame(bot.webhook, webhook)) {
    return { result: true, description: 'Webhook is already set' }
  }
  if (telegram.webhooks.sinceSet(bot.id) < oneAtATimeMs) throw tooManyRequests(1)
  if (drop) dropPending(call)
  telegram.polls.terminate(bot.id, 'terminated by setWebhook request')
  telegram.webhooks.set(bot, webhook)
  return { result: true, description: 'Webhook was set' }
}

export const deleteWebhook: Method = (call) => removeWebhook(call)

function removeWebhook(call: Call): Answer {
  const { telegram, bot, params } = call
  if (params.bool('drop_pending_updates')) dropPending(call)
  if (bot.webhook === undefined) return { result: true, description: 'Webhook is already deleted' }
  telegram.webhooks.set(bot, undefined)
  return { result: true, description: 'Webhook was deleted' }
}

function dropPending({ telegram, bot }: Call): void {
  for (const update of telegram.updates.pending(bot.id)) telegram.updates.settle(update, 'dropped')
}

function readWebhook({ params }: Call, url: string): Webhook {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw badRequest('invalid webhook URL specified')
  }
  const secret = params.text('secret_token') ?? ''
  if (secret.length > 256) throw badRequest('secret token is too long')
  if (!/^[A-Za-z0-9_-]*$/.test(secret)) throw badRequest('secret token contains unallowed characters')
  const certificate = params.upload('certificate')
  if (certificate !== undefined && certificate.bytes.byteLength > certificateBytesMax) {
    throw badRequest(`certificate size is too big (${certificate.bytes.byteLength} bytes)`)
  }
  const connections = params.int('max_connections') ?? connectionsDefault
  const ipAddress = params.text('ip_address') ?? ''
  return {
    url,
    ...(secret === '' ? {} : { secret }),
    ...(ipAddress === '' ? {} : { ipAddress }),
    maxConnections: connections <= 0 ? connectionsDefault : Math.min(connections, connectionsMax),
    hasCertificate: certificate !== undefined,
  }
}

const isSame = (a: Webhook, b: Webhook) =>
  a.url === b.url && a.secret === b.secret && a.maxConnections === b.maxConnections && a.ipAddress === b.ipAddress

export const getWebhookInfo: Method = ({ telegram, bot }) => {
  const pending = telegram.updates.pending(bot.id).length
  const allowed = bot.allowedUpdates === undefined ? {} : { allowed_updates: bot.allowedUpdates }
  if (bot.webhook === undefined) {
    return answer({ url: '', has_custom_certificate: false, pending_update_count: pending, ...allowed })
  }
  const { lastErrorDate, lastErrorMessage } = telegram.webhooks.state(bot.id)
  return answer({
    url: bot.webhook.url,
    has_custom_certificate: bot.webhook.hasCertificate,
    pending_update_count: pending,
    ...(lastErrorDate === undefined ? {} : { last_error_date: lastErrorDate, last_error_message: lastErrorMessage }),
    max_connections: bot.webhook.maxConnections,
    ip_address: bot.webhook.ipAddress ?? '127.0.0.1',
    ...allowed,
  })
}

export const getUpdates: Method = async ({ telegram, bot, params }) => {
  if (bot.webhook !== undefined) {
    throw conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
  }
  withAllowedUpdates({ telegram, bot, params })
  const limit = params.int('limit') ?? 100
  const result = await telegram.polls.read(bot.id, {
    offset: params.int('offset') ?? 0,
    limit: limit < 1 || limit > 100 ? 100 : limit,
    timeoutSeconds: params.int('timeout') ?? 0,
  })
  if (result.kind === 'conflict') throw conflict(result.why)
  return answer(result.updates.map(({ payload }) => payload))
}
