import assert from 'node:assert/strict'
import pg from 'pg'
import type { EventName } from '../../src/telemetry/events.ts'
import { checkLogsOfTwo, checkShop, untilQuiet } from '../crashes/books.ts'
import type { Env } from '../crashes/channel.ts'
import { patienceIsOver } from '../crashes/die.ts'
import type { Life } from '../crashes/life.ts'
import { openShop, type Shop } from '../crashes/shop.ts'
import { isAnswered } from '../crashes/standby.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { type Person, until } from '../fixtures/person.ts'
import { type TestDatabase, testDatabase } from '../fixtures/postgres.ts'
import { openStrait, type Strait } from './strait.ts'

/** What the drills of bad days have in common: whole services, something around them that breaks, and books after it. */

/** Known to the tests, so that they can post what Telegram would. */
export const secrets = { WEBHOOK_SECRET_PATH: 'path-of-the-drills', WEBHOOK_SECRET_TOKEN: 'token-of-the-drills' }

export type Drill = {
  readonly shop: Shop
  /** The same database, whatever becomes of the way that the service takes to it. */
  readonly db: pg.Client
  readonly database: TestDatabase
}

/** A shop whose way to PostgreSQL leads over `url`; everything is taken away in the end, also when the drill fails. */
export async function inShop(
  work: (drill: Drill) => Promise<void>,
  {
    env = {},
    url,
    tidy,
  }: {
    readonly env?: Env
    readonly url?: (database: TestDatabase) => string
    /** What the drill has done to the server, when nobody of the shop is there any more. */
    readonly tidy?: (db: pg.Client) => Promise<void>
  } = {},
): Promise<void> {
  const database = await testDatabase()
  const db = new pg.Client({ connectionString: database.url, options: `-c search_path=${database.schema}` })
  await db.connect()
  const given = { url: url?.(database) ?? database.url, schema: database.schema, end: async () => {} }
  const shop = await openShop({ ...secrets, ...env }, given)
  shop.db.on('error', () => undefined)
  try {
    await work({ shop, db, database })
  } catch (cause) {
    const tail = shop.lives.slice(-2).map(({ lines }) => lines.slice(-60).join('\n'))
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${tail.join('\n-------- another life\n')}`, {
      cause,
    })
  } finally {
    await shop.end()
    await tidy?.(db)
    await db.end()
    await database.end()
  }
}

/** A shop that reaches its PostgreSQL through a strait. */
export async function beyondStrait(work: (drill: Drill & { readonly strait: Strait }) => Promise<void>): Promise<void> {
  const database = await testDatabase()
  const strait = await openStrait(database.url)
  try {
    // The way leads to the server; the drill has a database of its own there.
    const url = (own: TestDatabase) => Object.assign(new URL(strait.url), { pathname: new URL(own.url).pathname }).href
    await inShop((drill) => work({ ...drill, strait }), { url, tidy: () => strait.end() })
  } finally {
    await database.end()
  }
}

/** What was refused comes again now: Telegram waits for up to two minutes after refusals in a row, by its own clock. */
export const telegramTriesAgain = ({ controls }: Shop) => controls.advance(120_000)

/** One update, brought as Telegram would bring it. */
export async function post(port: number, body: unknown, keys = secrets) {
  const startedMs = performance.now()
  const answer = await fetch(`http://127.0.0.1:${port}/webhook/${keys.WEBHOOK_SECRET_PATH}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-telegram-bot-api-secret-token': keys.WEBHOOK_SECRET_TOKEN,
    },
    body: JSON.stringify(body),
  })
  await answer.text()
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), tookMs: performance.now() - startedMs }
}

/** What somebody wrote who is nobody in particular: whoever stores it knows what to do with it. */
export const anUpdate = (update_id: number) => ({ update_id, poll: { id: '1' } })

/** Every door says that it is alive, within a moment and without a database. */
export async function isAlive(port: number): Promise<void> {
  const startedMs = performance.now()
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`)
  await answer.text()
  assert.equal(answer.status, 200)
  assert.ok(performance.now() - startedMs < onThisMachine(2_000), `/healthz took ${performance.now() - startedMs} ms`)
}

/** What the bad day of a drill leaves in the log and beside the updates; whatever else is there is a fault. */
export type Explained = {
  /** Warnings and errors. */
  readonly events: readonly EventName[]
  /** What the errors say: of duties that failed, of exceptions, and of steps that were done again. */
  readonly errors?: RegExp
}

/**
 * Engines of all bots of one database stop when the tables of another are migrated, as drills beside this one do, and are
 * started again.
 */
const besideOthers = / DUTY_FAILED duty=errands error="the errand engine stopped by itself"/

/**
 * Afterwards: nothing is in hand, each update was handled once, the ledger verifies, at no moment were there two
 * leaders, and neither the logs nor the updates tell any trouble but what is explained.
 */
export async function checkAfterwards(
  shop: Shop,
  { events, errors = /^$/ }: Explained = { events: [] },
): Promise<void> {
  await patienceIsOver(shop)
  await untilQuiet(shop)
  const failed = await shop.db.query<{ last_error: string }>(
    'select last_error from inbox where shelved_at is null and last_error is not null',
  )
  // What an errand engine that ends says of a look that failed goes past every logger, to the other stream.
  const lives = shop.lives.map((life) => ({
    ...life,
    lines: life.lines.filter((line) => /^\d{4}-\d\d-\d\d /.test(line) && !besideOthers.test(line)),
  }))
  const lines = lives.flatMap((life) => life.lines)
  const said = lines.filter((line) => /\] (EXCEPTION_CAUGHT|DUTY_FAILED) /.test(line))
  assert.deepEqual(
    [...failed.rows.map((row) => row.last_error), ...said].filter((error) => !errors.test(error)),
    [],
    'errors that this day does not explain',
  )
  await shop.db.query('update inbox set last_error = null where shelved_at is null')
  await checkShop(shop)
  const handled = lines.filter((line) => line.includes('] DISPATCH_OK ')).map(cidOf)
  assert.deepEqual(handled.toSorted(), [...new Set(handled)].sort(), 'no update was handled twice')
  neverTwo(shop.lives)
  checkLogsOfTwo(lives, events)
}

const cidOf = (line: string): string => / cid=([0-9a-f]{8})/.exec(line)?.[1] ?? line

/**
 * Each leadership began when the one before it was over: when its duties had ended, or it was lost. The lock itself is
 * given back after that, and whoever waits may tell that it has it before the giver tells that it gave. A killed process
 * tells no end, so its lines end it.
 */
export function neverTwo(lives: readonly Life[]): void {
  const turns = lives
    .flatMap((life) => {
      const told = life.lines.flatMap((line) => {
        const [, at = '', event = ''] = /^(\S+ \S+) .*\] (ACTIVE_ENTER|LOCK_LOST|BACKGROUND_CLEANED)\b/.exec(line) ?? []
        return event === '' ? [] : [{ at, isBegin: event === 'ACTIVE_ENTER', life }]
      })
      const leads = told.filter((each, n) => each.isBegin || told[n - 1]?.isBegin === true)
      const last = /^(\S+ \S+) /.exec(life.lines.at(-1) ?? '')?.[1]
      const isOpen = leads.at(-1)?.isBegin === true && life.isOver() && last !== undefined
      return isOpen ? [...leads, { at: last, isBegin: false, life }] : leads
    })
    .sort((a, b) => (a.at === b.at ? Number(a.isBegin) - Number(b.isBegin) : a.at < b.at ? -1 : 1))
  for (const [n, turn] of turns.entries()) {
    const before = turns[n - 1]
    if (turn.isBegin) assert.ok(before === undefined || !before.isBegin, `two lead at ${turn.at}`)
    else assert.equal(before?.life, turn.life, `${turn.at} ends a leadership that was another's`)
  }
}

/** These people write all the while that `work` takes, each as soon as they were answered; none is left unanswered. */
export async function whileAllWrite(people: readonly Person[], work: () => Promise<void>): Promise<void> {
  let isOver = false
  const writing = Promise.all(
    people.map(async (person) => {
      while (!isOver) await isAnswered(person)
    }),
  )
  // Waited for in its turn; when the work fails first, that is what is told.
  writing.catch(() => undefined)
  try {
    await work()
  } finally {
    isOver = true
  }
  await writing
}

/** It has handled so many more updates than now. */
export async function handlesMore({ lines }: Life, count = 5): Promise<void> {
  const handled = () => lines.filter((line) => line.includes('] DISPATCH_OK ')).length
  const before = handled()
  await until(() => handled() >= before + count, `it handles ${count} more updates`)
}
