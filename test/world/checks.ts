import assert from 'node:assert/strict'
import type pg from 'pg'
import type { EventName } from '../../src/telemetry/events.ts'
import type { Person } from '../fixtures/person.ts'
import type { World } from '../fixtures/service.ts'
import type { Act, Customer } from './customer.ts'

/** What must be true when the world has been whole again for long enough. */
export type Ended = {
  readonly world: World
  readonly db: pg.Client
  readonly operator: Person
  readonly customers: readonly Customer[]
}

/** Warnings and errors that the faults of a walk explain. */
export const explained: readonly EventName[] = [
  'UI_NOT_SHOWN',
  'RESULT_NOT_DELIVERED',
  'RESULT_LOST',
  'RESULT_UNCONFIRMED',
  'MESSAGE_UNCONFIRMED',
  'MESSAGE_REFUSED',
  'TELEGRAM_AWAY',
  'RESULTS_AWAY',
  'KIE_REFUSED',
  'KIE_CREDITS_LOW',
  'KIE_STATE_UNRECOGNIZED',
  'KIE_CALLBACK_REFUSED',
  'SELLING_PAUSED',
  'ORDER_UNCERTAIN',
  'ORDER_DEADLINE_PASSED',
  'INBOX_OLD',
  'ERRANDS_OLD',
  'DISPATCH_FAIL',
  'DB_CONNECTION_LOST',
  'LOCK_LOST',
  'PASSIVE_REJECT',
  'DUTY_FAILED',
  // Connections that are cut twice within a second may hold up the end of a worker for 12 s.
  'DUTIES_ABANDONED',
  'WEBHOOK_LAST_ERROR',
  'WEBHOOK_SET_RETRY',
  'OPERATOR_NOT_TOLD',
  // The service is started again on a clock that is days ahead.
  'PREFLIGHT_FINDING',
  // Only for what `exceptions` allows.
  'ERRAND_FAILED',
  'EXCEPTION_CAUGHT',
]

/** Gives what the walk came to, in words. */
export async function checkAll(ended: Ended): Promise<string> {
  await Promise.all([ended.operator, ...ended.customers.map(({ person }) => person)].map((person) => person.looks()))
  const problems = [
    ...(await ordersEndedRight(ended)),
    ...(await nobodySilent(ended)),
    ...(await nothingThrice(ended)),
    ...(await nothingShelved(ended)),
    ...(await moneyIsRight(ended)),
    ...exceptions(ended),
  ]
  assert.deepEqual(problems, [])
  for (const customer of ended.customers) await isServed(ended, customer)
  return await summary(ended)
}

/** So that a reader sees that something happened. */
async function summary({ db, world, customers }: Ended): Promise<string> {
  const orders = await db.query<{ ended: string; count: number }>(
    `select concat_ws(' ', status, body->'order'->>'reason', body->'order'->>'gift') as ended, count(*)::int as count
       from orders group by 1 order by 1`,
  )
  const acts = customers.reduce((sum, customer) => sum + customer.acts.length, 0)
  const { length: calls } = await world.controls.calls()
  const ends = orders.rows.map(({ ended, count }) => `${count} ${ended}`)
  return `${acts} acts, ${calls} calls to Telegram, orders: ${ends.join(', ') || 'none'}`
}

type OrderRow = {
  readonly id: string
  readonly cid: string
  readonly person: number
  readonly status: string
  readonly task: string | null
  readonly reason: string | null
  readonly artifacts: readonly { readonly state: string; readonly message?: number }[]
  readonly holds: number
  readonly captures: number
  readonly releases: number
  readonly losses: number
  /** Results that were lost when the hold was settled, counted from 1; some may have come later. */
  readonly lost: readonly number[]
  readonly price: number
  readonly ordered: number
  readonly captured: number
  /** `message` is absent when Telegram never confirmed it. */
  readonly receipt: { readonly message?: number } | null
}
const ORDERS = `
  select id, cid, person, status, body->'order'->>'task' as task, body->'order'->>'reason' as reason,
         coalesce(body->'order'->'artifacts', '[]') as artifacts,
         (select count(*) from transfers t where t.order_id = orders.id and t.kind = 'hold')::int as holds,
         (select count(*) from transfers t where t.order_id = orders.id and t.kind = 'capture')::int as captures,
         (select count(*) from transfers t where t.order_id = orders.id and t.kind = 'release')::int as releases,
         (select count(*) from losses where order_id = orders.id)::int as losses,
         array(select result from losses where order_id = orders.id and result is not null) as lost,
         coalesce((body->'order'->'price'->>'kopecks')::int, 1) as price,
         coalesce((body->'order'->>'ordered')::int, 1) as ordered,
         coalesce((select sum(amount) from transfers t where t.order_id = orders.id and t.kind = 'capture'), 0)::int as captured,
         body->'order'->'receipt' as receipt
    from orders order by placed_at`

/** Each order is delivered and captured, or given back; what KIE made has come, or the operators know why not. */
async function ordersEndedRight({ world, db, customers }: Ended): Promise<readonly string[]> {
  const orders = (await db.query<OrderRow>(ORDERS)).rows
  const tasks = await world.controls.tasks()
  const chats = new Map(customers.map(({ person }) => [person.id, person.chat()]))
  return orders.flatMap((order) => {
    const { id, cid, status, task, reason, artifacts, holds, captures, releases, losses, receipt } = order
    const says = (problem: string) => `order ${id} (${status} ${reason ?? ''}): ${problem}`
    const problems: string[] = []
    const sent = artifacts.filter(({ state }) => state === 'sent')
    if (holds !== 1) problems.push(says(`${holds} holds`))
    if (captures + releases !== 1) problems.push(says(`${captures} captures, ${releases} releases`))
    if (status === 'completed' && (captures !== 1 || sent.length === 0))
      problems.push(says('completed without a result'))
    const due = status === 'completed' ? dueFor(order) : 0
    if (order.captured !== due) problems.push(says(`${order.captured} captured of ${order.price}, ${due} is due`))
    if (status === 'released' && releases !== 1) problems.push(says('released with its hold'))
    if (status !== 'completed' && status !== 'released') problems.push(says('is not over'))
    const chat = chats.get(Number(order.person)) ?? []
    for (const { message } of sent) {
      const came = chat.find(({ message_id }) => message_id === message)
      if (came?.photo === undefined && came?.document === undefined) problems.push(says(`#${message} did not come`))
    }
    const made = tasks.find((each) => each.id === task)
    if (made?.state === 'success' && sent.length < artifacts.length && losses === 0) {
      problems.push(says(`${sent.length} of ${artifacts.length} came, and no loss is recorded`))
    }
    // A person who cancels, and rules of KIE's that cost nothing, are no losses.
    const isNoLoss = reason === 'cancelled' || reason === 'moderated'
    if (status === 'released' && !isNoLoss && losses === 0) problems.push(says('is a loss that nobody recorded'))
    const isReceiptThere = chat.some(({ message_id }) => message_id === receipt?.message)
    const isUnconfirmed = receipt !== null && receipt.message === undefined
    if (sent.length > 0 && !isReceiptThere && !isUnconfirmed) problems.push(says('no receipt came'))
    // Whoever cancels knows why.
    const isExplained = reason === 'cancelled' || chat.some(({ text }) => text?.includes(cid))
    if (status === 'released' && sent.length === 0 && !isExplained) problems.push(says('nobody was told why'))
    return problems
  })
}

/** The share of what had come when the hold was settled; what comes later is a gift. */
function dueFor({ artifacts, lost, price, ordered }: OrderRow): number {
  const arrived = artifacts.filter(({ state }, index) => state === 'sent' && !lost.includes(index + 1)).length
  return arrived >= ordered ? price : Math.max(1, Math.floor((price * arrived) / ordered))
}

/** After everything that a person did, something in their chat was made or edited, or their tap was answered. */
async function nobodySilent({ customers }: Ended): Promise<readonly string[]> {
  const silent = await Promise.all(
    customers.map(async ({ person, acts }) => {
      const unanswered: Act[] = []
      for (const act of acts) {
        if (act.isCutOff || person.newsSince(act.moment).length > 0) continue
        if (act.tap === undefined || !(await person.isTapAnswered(act.tap))) unanswered.push(act)
      }
      return unanswered.map(({ what }) => `silence after ${person.name} ${what}`)
    }),
  )
  return silent.flat()
}

const copiesMax = 3

/** The same content comes to a chat at most three times until its person does something again. */
async function nothingThrice({ world, customers, operator }: Ended): Promise<readonly string[]> {
  const calls = (await world.controls.calls()).filter(
    ({ method }) => method.startsWith('send') && method !== 'sendChatAction',
  )
  const people = [{ person: operator, acts: [] as readonly Act[] }, ...customers]
  return people.flatMap(({ person, acts }) => {
    const stretches = new Map<string, number>()
    for (const call of calls) {
      const { chat_id: chat, ...content } = call.params
      const message = messageOf(call)
      if (Number(chat) !== person.id || message === undefined) continue
      const act = acts.findLastIndex(({ lastMessage }) => lastMessage < message)
      const key = `${act} ${call.method} ${JSON.stringify(content).replaceAll(/attach:\/\/\w+|"\w{16}":/g, '')}`
      stretches.set(key, (stretches.get(key) ?? 0) + 1)
    }
    return [...stretches]
      .filter(([, times]) => times > copiesMax)
      .map(([key, times]) => `${person.name} got ${times} times: ${key}`)
  })
}

/** The message that a call made, whether or not its answer arrived. */
function messageOf(call: { readonly [name: string]: unknown }): number | undefined {
  for (const body of [call['executed'], call['answer']]) {
    const result: unknown = Reflect.get(Object(body), 'result')
    const id: unknown = Reflect.get(Object(result), 'message_id')
    if (typeof id === 'number') return id
  }
  return undefined
}

async function nothingShelved({ db }: Ended): Promise<readonly string[]> {
  const updates = await db.query('select update_id, kind, last_error from inbox where shelved_at is not null')
  const jobs = await db.query('select kind, reason, payload from shelved_jobs')
  return [...updates.rows, ...jobs.rows].map((row) => `shelved: ${JSON.stringify(row)}`)
}

/** What the database failed is told as such, and done again. */
const ofTheDatabase: readonly unknown[] = ['StorageFault', 'CannotStore']
/** KIE said a word that nobody knows, which is told as an exception; the order waits for another one. */
const isOddState = (error: unknown): boolean => String(error).startsWith('KIE answered with a state nobody described')
const exceptions = ({ world }: Ended): readonly string[] =>
  world.log.events
    .filter(({ event, fields: { error_type: type, error_message: message, error } }) => {
      if (event === 'EXCEPTION_CAUGHT') return !ofTheDatabase.includes(type) && !isOddState(message)
      return event === 'ERRAND_FAILED' && !isOddState(error)
    })
    .map(({ event, fields }) => `${event}: ${JSON.stringify(fields)}`)

const MONEY = `
  select (select coalesce(sum(balance), 0) from accounts where person = $1 and unit = 'RUB')::int as balance,
         array(select charge from star_payments where person = $1 order by charge) as charges,
         (select coalesce(sum(amount) filter (where source = 'shop:losses'), 0)
               - coalesce(sum(amount) filter (where target = 'shop:losses'), 0)
            from transfers where $2 in (source, target))::int as lent,
         (select coalesce(sum(amount), 0) from transfers join orders o on o.id = order_id
           where o.person = $1 and kind = 'capture' and unit = 'RUB')::int as captured`

/** Every Star that left a pocket is in the books once, and what Telegram gave back is out of them. */
async function moneyIsRight({ db, customers }: Ended): Promise<readonly string[]> {
  const problems: string[] = []
  for (const { person, paid, refunded } of customers) {
    type Row = { balance: number; charges: readonly string[]; lent: number; captured: number }
    const [row] = (await db.query<Row>(MONEY, [person.id, `person:${person.id}/RUB`])).rows
    assert.ok(row)
    const { balance, charges, lent, captured } = row
    const says = (problem: string) => problems.push(`${person.name} ${problem}`)
    const paidCharges = [...paid.keys()].sort()
    if (charges.join() !== paidCharges.join()) says(`paid ${paidCharges}, the books know ${charges}`)
    const kept = [...paid].map(([charge, kopecks]) => (refunded.has(charge) ? 0 : kopecks))
    const left = kept.reduce((sum, kopecks) => sum + kopecks, 0) - captured
    if (balance - lent !== left) says(`has ${balance} and owes ${lent}, and should have ${left} in all`)
    if (lent !== 0 && balance !== 0) says(`owes ${lent} and has ${balance}`)
  }
  return problems
}

/** Whoever asks afterwards is answered, with the balance that the books know. */
async function isServed({ db }: Ended, { person }: Customer): Promise<void> {
  const { rows } = await db.query<{ balance: string }>(
    `select coalesce(sum(balance), 0) as balance from accounts where person = $1 and unit = 'RUB'`,
    [person.id],
  )
  const kopecks = Number(rows[0]?.balance)
  await person.says('/balance')
  const shown = kopecks % 100 === 0 ? String(kopecks / 100) : (kopecks / 100).toFixed(2).replace('.', ',')
  await person.sees(({ text }) => text?.replaceAll(' ', '').includes(`💳${shown}₽`) === true)
}
