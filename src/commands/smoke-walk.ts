import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from '../kit/clock.ts'
import { connectOnce } from '../storage/postgres/database.ts'
import { type KeptOrder, readJourney, type Step } from '../storage/postgres/probes.ts'
import type { EventName } from '../telemetry/events.ts'
import { readLogLine } from '../telemetry/log-line.ts'
import type { CommandContext } from './command.ts'
import { fieldOf, look } from './outside.ts'
import { Red } from './red.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * The way of a buyer in a sandbox, as the runbook has it: /start, the pictures, a free model, `test`, «Запустить», the
 * picture; then whether what was kept (and logged) of it hangs together under its cids. The sandbox is spoken to as any
 * person's client would, through its control API.
 */
export async function walk(
  { clock, signal }: Pick<CommandContext, 'clock' | 'signal'>,
  { sandbox, bot, databaseUrl, schema, log }: Walk,
): Promise<string> {
  const started = clock.monotonicMs()
  const person = await meet({ clock, signal, sandbox, bot })
  await person.says('/start')
  await person.taps({ data: 'cat:image' }, await person.sees('an answer to /start', () => true))
  const free = await person.button('the pictures with a free model', (label) => label.startsWith('🆓'))
  await person.taps({ text: free.label }, free.message)
  await person.sees('the card of the model', () => true)
  await person.says('test')
  const run = await person.button('a button «Запустить»', (label) => label.startsWith('Запустить'))
  await person.taps({ text: run.label }, run.message)
  await person.sees('the picture', ({ photo, document }) => photo !== undefined || document !== undefined, pictureMs)
  const tookMs = clock.monotonicMs() - started
  const kept = await keptWhole({ clock, signal }, { databaseUrl, schema, person: person.id })
  if (log !== undefined) await loggedWhole({ clock, signal }, log, kept)
  const logged = log === undefined ? '' : ', and logged'
  return `a picture in ${(tookMs / 1000).toFixed(1)} s; ${kept.steps.length} updates and order ${kept.order.id} are whole under their cids${logged}`
}

export type Walk = {
  readonly sandbox: string
  readonly bot: number
  readonly databaseUrl: string
  readonly schema: string
  readonly log?: string
}

const answerMs = 15_000
/** What is committed stands in the log by then. */
const toldMs = 2_000
/** Pictures take as long as the sandbox's KIE was told. */
const pictureMs = 90_000

/** The sandbox behind these settings; undefined when Telegram is the real one. */
export async function findSandbox(clock: Clock, around: Surroundings): Promise<string | undefined> {
  const root = around.sandboxUrl ?? around.telegramApiRoot.replace(/\/telegram\/?$/, '')
  if (around.sandboxUrl === undefined && root === around.telegramApiRoot) return undefined
  const seen = await look(clock, `${root}/sandbox/v1/clock`)
  return seen.kind === 'answered' && typeof fieldOf(seen.body, 'now') === 'number' ? root : undefined
}

const messageShape = z.looseObject({
  message_id: z.number(),
  from: z.enum(['bot', 'person']),
  text: z.string().optional(),
  photo: z.unknown().optional(),
  document: z.unknown().optional(),
  deleted: z.boolean().optional(),
  reply_markup: z
    .looseObject({ inline_keyboard: z.array(z.array(z.looseObject({ text: z.string() }))).optional() })
    .optional(),
})
const chatShape = z.object({ cursor: z.number(), messages: z.array(messageShape) })
type Message = z.infer<typeof messageShape>

async function meet({
  clock,
  signal,
  sandbox,
  bot,
}: { readonly clock: Clock; readonly signal: AbortSignal } & Pick<Walk, 'sandbox' | 'bot'>) {
  async function ask(path: string, body?: unknown, limitMs = 10_000): Promise<unknown> {
    const joint = path.includes('?') ? '&' : '?'
    const seen = await look(clock, `${sandbox}/sandbox/v1${path}${joint}bot=${bot}`, {
      limitMs,
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    if (seen.kind === 'silent') throw new Red(`the sandbox does not answer: ${seen.detail}`)
    if (seen.status !== 200)
      throw new Red(`the sandbox answers ${path} with ${seen.status}: ${seen.text.slice(0, 300)}`)
    return seen.body
  }

  const { id } = z
    .looseObject({ id: z.number() })
    .parse(await ask('/people', { first_name: 'Проверка', language_code: 'ru' }))
  let cursor = 0

  async function sees(what: string, holds: (message: Message) => boolean, withinMs = answerMs): Promise<Message> {
    const until = clock.monotonicMs() + withinMs
    let last = ''
    for (;;) {
      const waitMs = Math.max(0, Math.min(5_000, Math.round(until - clock.monotonicMs())))
      const chat = chatShape.parse(
        await ask(`/people/${id}/chat?after=${cursor}&wait_ms=${waitMs}`, undefined, 10_000 + waitMs),
      )
      cursor = chat.cursor
      const news = chat.messages.filter(({ from, deleted }) => from === 'bot' && deleted !== true)
      const found = news.find(holds)
      if (found !== undefined) return found
      last = news.at(-1)?.text ?? last
      if (clock.monotonicMs() > until || signal.aborted) {
        const said = last === '' ? 'the bot is silent' : `the bot said last: ${JSON.stringify(last.slice(0, 200))}`
        throw new Red(`${what} did not come within ${Math.round(withinMs / 1000)} s; ${said}`)
      }
    }
  }

  return {
    id,
    says: (text: string) => ask(`/people/${id}/messages`, { text }),
    taps: (button: { readonly text: string } | { readonly data: string }, { message_id }: Message) =>
      ask(`/people/${id}/taps`, { message_id, ...button }),
    sees,
    async button(what: string, fits: (label: string) => boolean) {
      const labelIn = (message: Message) =>
        (message.reply_markup?.inline_keyboard ?? []).flat().find(({ text }) => fits(text))?.text
      const message = await sees(what, (each) => labelIn(each) !== undefined)
      return { message, label: labelIn(message) ?? '' }
    },
  }
}

type Kept = { readonly steps: readonly Step[]; readonly order: KeptOrder }
const stepsOfWalk = ['message', 'callback_query', 'callback_query', 'message', 'callback_query']

/** What the database has of it; the order is settled a moment after the picture is seen. */
async function keptWhole(
  { clock, signal }: Pick<CommandContext, 'clock' | 'signal'>,
  { databaseUrl, schema, person }: { readonly databaseUrl: string; readonly schema: string; readonly person: number },
): Promise<Kept> {
  const client = await connectOnce({ url: databaseUrl, schema, owner: 'smoke' })
  const until = clock.monotonicMs() + answerMs
  try {
    for (;;) {
      const { steps, orders } = await readJourney(client, person)
      const judged = judgeKept(steps, orders)
      if (typeof judged !== 'string') return judged
      if (clock.monotonicMs() > until || signal.aborted) throw new Red(judged)
      await clock.sleep(100, signal)
    }
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The journey when it is whole, else what is missing. */
function judgeKept(steps: readonly Step[], orders: readonly KeptOrder[]): Kept | string {
  const kinds = steps.map(({ kind }) => kind)
  const failed = steps.find(({ error }) => error !== null)
  const [order] = orders
  if (kinds.join() !== stepsOfWalk.join()) return `kept are ${kinds.join(', ')} instead of ${stepsOfWalk.join(', ')}`
  if (failed !== undefined) return `a step failed: ${failed.error}. See trt story ${failed.cid}`
  if (steps.some(({ isHandled }) => !isHandled)) return 'a step of the journey is not handled'
  if (new Set(steps.map(({ cid }) => cid)).size !== steps.length) return 'two steps of the journey have the same cid'
  if (order === undefined || orders.length !== 1) return `${orders.length} orders are kept instead of one`
  if (order.status !== 'completed') return `the order is ${order.status} instead of completed`
  if (order.cid !== steps.at(-1)?.cid) return 'the order has another cid than the tap that placed it'
  if (order.transfers < 2)
    return `the order has ${order.transfers} transfers under its cid; a hold and its capture are due`
  return { steps, order }
}

const ofEvery: readonly EventName[] = ['UPDATE_RECEIVED', 'UI_RENDER', 'DISPATCH_OK']
const ofTaps: readonly EventName[] = ['CALLBACK_RECEIVED', 'CALLBACK_ROUTED', 'CALLBACK_ACCEPTED']
const ofOrder: readonly EventName[] = ['ORDER_PLACED', 'KIE_TASK_CREATED', 'RESULT_DELIVERED', 'ORDER_COMPLETED']

/** What the log has of it; a step is told a moment after it is committed. */
async function loggedWhole(
  { clock, signal }: Pick<CommandContext, 'clock' | 'signal'>,
  file: string,
  kept: Kept,
): Promise<void> {
  const until = clock.monotonicMs() + toldMs
  for (;;) {
    const missing = missingIn(await readFile(file, 'utf8'), kept)
    if (missing === undefined) return
    if (clock.monotonicMs() > until || signal.aborted) throw new Red(missing)
    await clock.sleep(100, signal)
  }
}

/** What the log lacks of the journey; undefined when nothing. */
function missingIn(log: string, { steps, order }: Kept): string | undefined {
  const told = new Map<string, Set<EventName>>(steps.map(({ cid }) => [cid, new Set()]))
  for (const line of log.split('\n')) {
    const read = readLogLine(line)
    if (read.kind === 'event') told.get(read.fields['cid'] ?? '')?.add(read.event)
  }
  for (const { cid, kind } of steps) {
    const wanted = [...ofEvery, ...(kind === 'callback_query' ? ofTaps : []), ...(cid === order.cid ? ofOrder : [])]
    const missing = wanted.filter((event) => told.get(cid)?.has(event) !== true)
    if (missing.length > 0) return `the log has no ${missing.join(', ')} of cid ${cid} (${kind})`
  }
  return undefined
}
