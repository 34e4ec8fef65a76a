import type { FastifyInstance } from 'fastify'
import { queryNumber, queryText } from '../control/request.ts'
import type { Journal } from './bot-side/journal.ts'
import type { UpdateRecord } from './delivery/updates.ts'
import type { Bot } from './model.ts'
import type { Telegram } from './state.ts'

/** What happened on the bots' side, to look at: calls, updates, bots, and the files of the chats. */
export function inspectionRoutes(app: FastifyInstance, telegram: Telegram, journal: Journal): void {
  app.get('/sandbox/v1/calls', async (request) => {
    const method = queryText(request.query, 'method')
    const after = queryNumber(request.query, 'after')
    const bot = queryNumber(request.query, 'bot')
    return {
      calls: journal.list({
        ...(method === undefined ? {} : { method }),
        ...(after === undefined ? {} : { after }),
        ...(bot === undefined ? {} : { bot }),
      }),
    }
  })

  app.get('/sandbox/v1/updates', async (request) => {
    const state = queryText(request.query, 'state')
    const bot = queryNumber(request.query, 'bot')
    const updates = telegram.updates
      .all()
      .filter((update) => (state === undefined || update.state === state) && (bot === undefined || update.bot === bot))
    return { updates: updates.map(updateView) }
  })

  app.get('/sandbox/v1/bots', async () => ({ bots: telegram.bots.all().map((bot) => botView(telegram, bot)) }))

  app.get<{ Params: { number: string } }>('/sandbox/v1/files/:number/:name', async (request, reply) => {
    const { params, headers } = request
    const { number } = params
    const file = /^\d{1,15}$/.test(number) ? telegram.files.byNumber(Number(number)) : undefined
    const bytes = file === undefined ? undefined : telegram.files.bytes(file)
    if (file === undefined || bytes === undefined) return reply.code(404).send({ error: `there is no file ${number}` })
    const range = headers['if-range'] === undefined ? rangeOf(headers.range, bytes.byteLength) : 'whole'
    if (range === 'beyond') {
      return reply.code(416).header('content-range', `bytes */${bytes.byteLength}`).send({ error: 'no such part' })
    }
    if (range !== 'whole') {
      reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${bytes.byteLength}`)
    }
    // Whatever a bot uploads is shown as a picture or downloaded, never run as a page of this origin.
    return reply
      .type(showable.test(file.mime) ? file.mime : 'application/octet-stream')
      .header('x-content-type-options', 'nosniff')
      .header('content-security-policy', "default-src 'none'; sandbox")
      .header('cache-control', 'private, max-age=86400')
      .header('accept-ranges', 'bytes')
      .send(range === 'whole' ? Buffer.from(bytes) : Buffer.from(bytes.subarray(range.first, range.last + 1)))
  })
}

/**
 * The part of a file that a player asks for when it seeks (Safari plays nothing without it). Several parts at once, and
 * what is no range, are answered with the whole file, as a server may.
 */
function rangeOf(asked: string | undefined, size: number): { first: number; last: number } | 'whole' | 'beyond' {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(asked ?? '') ?? []
  if (from === '' && to === '') return 'whole'
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== '' && from !== '' && Number(to) < first) return 'whole'
  return first > last ? 'beyond' : { first, last }
}

const showable = /^(image\/(png|jpeg|webp|gif)|video\/[\w-]+|audio\/[\w-]+)$/

function updateView({ id, bot, kind, lane, state, attempts, expiresAt, payload }: UpdateRecord) {
  return { update_id: id, bot, kind, lane, state, expires_at: expiresAt, attempts, payload }
}

function botView(telegram: Telegram, bot: Bot) {
  return {
    id: bot.id,
    username: bot.username,
    first_name: bot.profile['name|'] ?? bot.firstName,
    commands: commandsInPrivate(bot),
    descriptions: descriptionsOf(bot),
    webhook: { url: bot.webhook?.url ?? '', pending: telegram.updates.pendingCount(bot.id) },
  }
}

/** What the bot says of itself in an empty chat, by language. */
function descriptionsOf(bot: Bot): Record<string, string> {
  const prefix = 'description|'
  const own = Object.entries(bot.profile).filter(([key, text]) => key.startsWith(prefix) && text !== '')
  return Object.fromEntries(own.map(([key, text]) => [key.slice(prefix.length) || 'default', text]))
}

/** The commands a person sees in a private chat, by language; the narrower scope wins. */
function commandsInPrivate(bot: Bot): Record<string, unknown> {
  const found = new Map<string, unknown>([['default', []]])
  for (const scope of ['{"type":"default"}|', '{"type":"all_private_chats"}|']) {
    for (const [key, list] of Object.entries(bot.commands)) {
      if (key.startsWith(scope)) found.set(key.slice(scope.length) || 'default', list)
    }
  }
  return Object.fromEntries(found)
}
