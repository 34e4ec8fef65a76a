import assert from 'node:assert/strict'
import { sqlOf } from '../../src/storage/postgres/store.ts'
import { verifyShop } from '../../src/storage/postgres/verify-ledger.ts'
import { checkLog, type LogProblem } from '../../src/telemetry/check-log.ts'
import type { EventName } from '../../src/telemetry/events.ts'
import { type Person, until } from '../fixtures/person.ts'
import type { Asked } from './journeys.ts'
import type { Life } from './life.ts'
import type { Shop } from './shop.ts'

/** What must be true of a shop whatever happened to its process on the way. */

type OrderRow = {
  id: string
  status: string
  reason: string | null
  prompt: string
  price: { unit: 'GEN'; count: number } | { unit: 'RUB'; kopecks: number }
  sent: number
  holds: number
  captures: number
  releases: number
}
const ORDERS = `
  select id, status, body->'order'->>'reason' as reason, body->'order'->'values'->>'prompt' as prompt,
         body->'order'->'price' as price,
         (select count(*) from jsonb_array_elements(coalesce(body->'order'->'artifacts', '[]')) as each
           where each->>'state' = 'sent')::int as sent,
         (select count(*) from transfers t where t.order_id = orders.id and t.kind = 'hold')::int as holds,
         (select count(*) from transfers t where t.order_id = orders.id and t.kind = 'capture')::int as captures,
         (select count(*) from transfers t where t.order_id = orders.id and t.kind = 'release')::int as releases
    from orders where person = $1 order by placed_at`

/** A task that was never confirmed may yet be a gift, so it is watched for days. */
const giftWatch = `(
  payload->'errand'->>'kind' = 'watch_task' and payload->'errand'->>'order' in
    (select id from orders where status = 'released' and body->'order'->>'reason' = 'never_confirmed'))`

type Left = { updates: number; errands: number; orders: number; screens: number }

/** Nothing is in hand any more: no update waits, no screen, no errand, no order runs. */
export async function untilQuiet({ db, schema, controls }: Shop): Promise<void> {
  const LEFT = `
    select (select count(*) from inbox where finished_at is null and shelved_at is null)::int as updates,
           (select count(*) from ${schema}_jobs._private_jobs where not ${giftWatch})::int as errands,
           (select count(*) from orders
             where status in ('placed', 'submitting', 'uncertain', 'generating', 'delivering'))::int as orders,
           (select count(*) from sessions where shown_revision < revision)::int as screens`
  let left = ''
  const isQuiet = async () => {
    const row = (await db.query<Left>({ name: 'left', text: LEFT })).rows[0]
    left = JSON.stringify(row)
    if (left !== JSON.stringify({ updates: 0, errands: 0, orders: 0, screens: 0 })) return false
    const { length } = await controls.updates('pending')
    left = `${length} updates at Telegram`
    return length === 0
  }
  await until(isQuiet, 'nothing is in hand any more').catch(async (cause: unknown) => {
    const jobs = await db.query(`select j.attempts, j.run_at, j.locked_by, j.last_error, j.payload
      from ${schema}_jobs._private_jobs j`)
    throw new Error(`still in hand: ${left} ${JSON.stringify(jobs.rows)}`, { cause })
  })
}

/** When all is quiet: the books of this person after so many deaths, and what holds for all people together. */
export async function checkBooks(shop: Shop, person: Person, asked: Asked, deaths = 1): Promise<void> {
  await untilQuiet(shop)
  await checkPerson(shop, person, asked, deaths)
  await checkShop(shop)
}

/** The books of one person: what they asked and paid for, once. Each death may have a picture come once more. */
export async function checkPerson(shop: Shop, person: Person, asked: Asked, deaths = 1): Promise<void> {
  const { db, controls } = shop
  const orders = (await db.query<OrderRow>(ORDERS, [person.id])).rows
  assert.deepEqual(
    orders.map(({ prompt }) => prompt),
    asked.prompts,
    'one order for each press',
  )
  const tasks = await controls.tasks()
  let money = asked.paidIn
  let generations = 5
  let pictures = asked.again
  for (const order of orders) {
    const { id, status, reason, prompt, price, sent, holds, captures, releases } = order
    const made = tasks.filter(({ input }) => input['prompt'] === prompt)
    assert.ok(made.length <= 1, `order ${id} was submitted ${made.length} times`)
    const isMade = made[0]?.state === 'success'
    const expected = isMade
      ? 'completed'
      : made.length === 1
        ? 'released generation_failed'
        : 'released never_confirmed'
    assert.equal([status, reason].filter(Boolean).join(' '), expected, `order ${id}`)
    assert.deepEqual(
      { holds, captures, releases },
      { holds: 1, captures: isMade ? 1 : 0, releases: isMade ? 0 : 1 },
      `the money of order ${id}`,
    )
    if (!isMade) continue
    pictures += sent
    assert.equal(sent, asked.halfOf === undefined ? 1 : asked.halfOf / 2, `what came of order ${id}`)
    if (price.unit === 'RUB') money -= asked.halfOf === undefined ? price.kopecks : Math.floor(price.kopecks / 2)
    else generations -= price.count
    const receipts = (await person.looks()).filter(
      ({ text }) => text?.includes(prompt) && /Оплачено|Бесплатно/.test(text),
    )
    assert.ok(receipts.length >= 1 && receipts.length <= 1 + deaths, `${receipts.length} receipts of order ${id}`)
  }
  await checkBalances(shop, person, { money, generations, payments: asked.paidIn === 0 ? 0 : 1 })
  const photos = (await person.looks()).filter(({ from, photo }) => from === 'bot' && photo !== undefined)
  assert.ok(
    photos.length >= pictures && photos.length <= pictures + (pictures > 0 ? deaths : 0),
    `${pictures} pictures are due and ${photos.length} came. The chat:\n${person.print()}`,
  )
}

async function checkBalances(
  { db }: Shop,
  { id }: Person,
  due: { readonly money: number; readonly generations: number; readonly payments: number },
): Promise<void> {
  const BALANCES = `
    select coalesce((select sum(balance) from accounts where person = $1 and unit = 'RUB'), 0)::int as money,
           coalesce((select sum(balance) from accounts where person = $1 and unit = 'GEN'), 5)::int as generations,
           (select count(*) from star_payments where person = $1)::int as payments`
  assert.deepEqual((await db.query(BALANCES, [id])).rows[0], due, 'balance, free generations and payments')
}

/** What holds for all people together: every update is handled once, every screen shown, and the ledger verifies. */
export async function checkShop({ db, controls }: Shop): Promise<void> {
  const updates = await controls.updates()
  assert.deepEqual([...new Set(updates.map(({ state }) => state))], ['delivered'], 'Telegram got rid of every update')
  const inbox = await db.query<{ update_id: number; done: boolean; last_error: string | null }>(
    'select update_id, finished_at is not null and shelved_at is null as done, last_error from inbox order by update_id',
  )
  assert.deepEqual(
    inbox.rows.map(({ update_id, done, last_error }) => ({ update_id, done, last_error })),
    updates
      .map(({ update_id }) => ({ update_id, done: true, last_error: null }))
      .sort((a, b) => a.update_id - b.update_id),
    'every update is finished, once, and none was shelved',
  )
  const unseen = await db.query('select chat, revision, shown_revision from sessions where shown_revision < revision')
  assert.deepEqual(unseen.rows, [], 'the newest screen of everybody is shown')
  const client = await db.connect()
  try {
    await client.query('begin')
    const verified = await verifyShop(sqlOf(client))
    assert.ok(verified.ok, verified.ok ? '' : verified.difference)
  } finally {
    await client.query('rollback')
    client.release()
  }
}

/** What kills, starts in quick succession, or a busy machine explain. */
const trouble = [
  'ORDER_UNCERTAIN',
  'UI_NOT_SHOWN',
  'WEBHOOK_ACK_SLOW',
  'DB_POOL_WAIT',
  'INSTANCE_DECLARED_DEAD',
  'WEBHOOK_SET_RETRY',
] as const

/** The lives of one shop, read as one log: known events, whole stories, nothing that nobody caught, nobody in silence. */
export function checkLogs(lives: readonly Life[], more: readonly EventName[] = []): void {
  const lines = lives.flatMap((life) => life.lines)
  report(lines, checkLog(lines, { killed: true, settled: true, alone: true, trouble: [...trouble, ...more] }))
}

/** The same for instances that run at a time, each by its own log: what one received another may have handled. */
export function checkLogsOfTwo(lives: readonly Life[], more: readonly EventName[] = []): void {
  for (const { lines } of lives) {
    report(lines, checkLog(lines, { killed: true, trouble: [...trouble, ...more] }))
  }
}

function report(lines: readonly string[], problems: readonly LogProblem[]): void {
  assert.deepEqual(
    problems.map(({ line, problem }) => `${problem} [${lines[line - 1]}]`),
    [],
    'the log',
  )
  // The one thing that Telegram refuses after a kill is a second answer to the same tap.
  const refused = lines.filter((line) => line.includes('] UI_NOT_SHOWN') && !line.includes('EXPIRED_MESSAGE'))
  assert.deepEqual(refused, [])
}
