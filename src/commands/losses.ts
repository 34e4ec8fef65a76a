import { causes, isLossCause, type LossCause } from '../losses/loss.ts'
import type { ShopDay } from '../money/amount.ts'
import { shopDay, shopDayAt, shopDaySpan } from '../money/shop-day.ts'
import type { Database } from '../storage/postgres/database.ts'
import { type CauseOfDay, lossesByCause, lossesOfCause, type SingleLoss } from '../storage/postgres/losses-admin.ts'
import { sqlOf } from '../storage/postgres/store.ts'
import type { Command, CommandContext } from './command.ts'
import { withDatabase } from './with-database.ts'
import { readWords } from './words.ts'

export const losses: Command = {
  summary: 'What brought no revenue, day by day: `losses`, or `losses --cause CAUSE` for the single ones.',
  usage: `  --day YYYY-MM-DD   another day of the shop (SHOP_TIMEZONE) than today
  --cause CAUSE      the single losses of one cause, at most 200
  --json             one JSON object

Causes:
${Object.keys(causes)
  .map((cause) => `  ${cause}`)
  .join('\n')}`,
  async run(context) {
    const typed = readWords(context.words, {
      day: { type: 'string' },
      cause: { type: 'string' },
      json: { type: 'boolean' },
    })
    if (!typed.ok) return refuse(context, typed.problem)
    const { day: dayText, cause, json = false } = typed.values
    if (typed.rest.length > 0) return refuse(context, `"${typed.rest.join(' ')}" means nothing here. See --help.`)
    const day = dayText === undefined ? 'today' : dayOf(dayText)
    if (day === undefined) return refuse(context, `"${dayText}" is no day: --day 2026-11-25`)
    if (cause !== undefined && !isLossCause(cause)) {
      return refuse(context, `"${cause}" is no cause of a loss. They are: ${Object.keys(causes).join(', ')}`)
    }
    // In JSON nothing else may be printed, as what the keeper of the database does.
    const quiet = json ? { ...context, print: () => {} } : context
    return await withDatabase(quiet, async (database, { shop: { timezone } }) => {
      const wish = { day: day === 'today' ? shopDayAt(context.clock.now(), timezone) : day, timezone, json }
      return cause === undefined
        ? await showDay(context, database, wish)
        : await showCause(context, database, wish, cause)
    })
  },
}

type Wish = { readonly day: ShopDay; readonly timezone: string; readonly json: boolean }

/** Undefined for what is no day of the calendar. */
function dayOf(text: string): ShopDay | undefined {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text) return undefined
  return shopDay(text)
}

async function showDay({ print }: CommandContext, { work }: Database, { day, timezone, json }: Wish): Promise<number> {
  const found = await lossesByCause(sqlOf(work), shopDaySpan(day, timezone))
  const [worst] = found
  const total = found.reduce((sum, { count }) => sum + count, 0)
  const next =
    worst === undefined
      ? `No losses on ${day} (${timezone}). Nothing to do.`
      : `${total} ${total === 1 ? 'loss' : 'losses'} on ${day} (${timezone}). Look at them: trt losses --day ${day} --cause ${worst.cause}`
  if (json) {
    print(JSON.stringify({ day, timezone, causes: found, next }, null, 2))
    return 0
  }
  for (const each of found) print(lineOfCause(each))
  print(next)
  return 0
}

async function showCause(
  { print }: CommandContext,
  { work }: Database,
  { day, timezone, json }: Wish,
  cause: LossCause,
): Promise<number> {
  const found = await lossesOfCause(sqlOf(work), cause, shopDaySpan(day, timezone))
  const [first] = found
  const { meaning, check, todo } = causes[cause]
  const next =
    first === undefined
      ? `No ${cause} on ${day} (${timezone}). Nothing to do.`
      : `Check ${check}. Then: ${todo}. The first: trt story ${first.cid}`
  if (json) {
    print(JSON.stringify({ day, timezone, cause, meaning, losses: found.map(readable), next }, null, 2))
    return 0
  }
  for (const each of found) print(lineOfLoss(each))
  print(next)
  return 0
}

function lineOfCause({ cause, count, credits, unknownCredits, kopecks, firstCid, lastDetail }: CauseOfDay): string {
  const unknown = unknownCredits === 0 ? '' : ` (of ${unknownCredits} nobody knows)`
  const taken = `credits=${credits ?? '?'}${credits === null ? '' : unknown}`
  return `${cause}  ${count}  ${taken}  ${roublesOf(kopecks)}  first cid=${firstCid}  last: ${JSON.stringify(lastDetail)}`
}

function lineOfLoss({ at, cid, order, result, credits, kopecks, detail, foundLater }: SingleLoss): string {
  const parts = [
    timeOf(at),
    `cid=${cid}`,
    ...(order === null ? [] : [`order=${order}`]),
    ...(result === null ? [] : [`result=${result}`]),
    `credits=${credits ?? '?'}`,
    ...(kopecks === null ? [] : [roublesOf(kopecks)]),
    ...(foundLater ? ['found later'] : []),
    JSON.stringify(detail),
  ]
  return parts.join('  ')
}

const readable = (loss: SingleLoss): object => ({ ...loss, at: timeOf(loss.at) })
const roublesOf = (kopecks: number): string => `${(kopecks / 100).toFixed(2)} RUB`
const timeOf = (at: number): string => new Date(at).toISOString()

function refuse({ complain }: CommandContext, problem: string): 1 {
  complain(problem)
  return 1
}
