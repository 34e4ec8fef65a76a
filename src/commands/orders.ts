import { parseOrderId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import type { Artifact, Order } from '../orders/order.ts'
import { UnreadableOrder } from '../orders/read-order.ts'
import type { Database } from '../storage/postgres/database.ts'
import { createPostgresOrders } from '../storage/postgres/orders.ts'
import { transfersOf } from '../storage/postgres/people-admin.ts'
import { sqlOf } from '../storage/postgres/store.ts'
import type { Command, CommandContext } from './command.ts'
import { withDatabase } from './with-database.ts'

export const orders: Command = {
  summary: 'One order and what became of its money: `orders show ID`.',
  usage:
    '  show ID   the twelve symbols that stand on the order in the chat, in the log (order_id=…) and in `people show`',
  async run(context) {
    const [act, text = ''] = context.words
    const id = parseOrderId(text)
    if (act !== 'show' || id === undefined) {
      context.complain('Say which order: trt orders show 0123456789ab (its twelve symbols)')
      return 1
    }
    return await withDatabase(context, (database) => show(context, database, id))
  },
}

async function show(
  { print, complain }: CommandContext,
  { work }: Database,
  id: NonNullable<ReturnType<typeof parseOrderId>>,
): Promise<number> {
  const order = await createPostgresOrders(sqlOf(work)).get(id).catch(unreadable)
  if (order instanceof UnreadableOrder) {
    complain(`This program is too old for it: ${order.message}. Run the newer version; nothing is lost.`)
    return 1
  }
  if (order === undefined) {
    complain(`There is no order ${id} here. The orders of a person: trt people show ID`)
    return 1
  }
  const rows = {
    order: order.id,
    status: order.status,
    person: String(order.person),
    offer: `${order.offer} (${order.model})`,
    price: priceOf(order.price),
    placed: timeOf(order.placedAt),
    ...('task' in order && order.task !== undefined ? { 'KIE task': order.task } : {}),
    ...('producedAt' in order && order.producedAt !== undefined ? { produced: timeOf(order.producedAt) } : {}),
    ...resultsOf('artifacts' in order ? (order.artifacts ?? []) : []),
    ...(order.notShown === undefined ? {} : { 'not shown': order.notShown }),
    cid: order.cid,
  }
  for (const [name, value] of Object.entries(rows)) print(`${name.padEnd(9)} ${value}`)
  for (const { at, kind, amount, unit, source, target } of await transfersOf(sqlOf(work), id)) {
    print(`money     ${timeOf(at)}  ${kind} ${priceOf(inUnit(unit, amount))}  ${source} → ${target}`)
  }
  print(`${meaningOf(order)} Everything of it: trt story ${order.cid}`)
  return 0
}

/** How many results have come, and what became of each of the others, counted from 1. */
function resultsOf(artifacts: readonly Artifact[]): Readonly<Record<string, string>> {
  if (artifacts.length === 0) return {}
  const others = artifacts.flatMap((each, index) => {
    if (each.state === 'sent') return []
    return [`${index + 1} ${each.state === 'lost' ? `lost (${each.reason})` : each.state}`]
  })
  const delivered = `${artifacts.length - others.length} of ${artifacts.length}`
  return { delivered, ...(others.length === 0 ? {} : { missing: others.join(', ') }) }
}

function unreadable(error: unknown): UnreadableOrder {
  if (error instanceof UnreadableOrder) return error
  throw error
}

function meaningOf(order: Order): string {
  switch (order.status) {
    case 'placed':
      return 'It waits to be sent to KIE; the price is held.'
    case 'submitting':
      return 'It is being sent to KIE; the price is held.'
    case 'uncertain':
      return 'Nobody knows yet whether KIE took it; a callback or the deadline decides, and the price is held.'
    case 'generating':
      return 'KIE works on it; the price is held.'
    case 'delivering':
      return 'It is made and on its way to the person; the price is held.'
    case 'completed':
      return order.paid === undefined
        ? 'It was delivered and is paid.'
        : 'A part of it was delivered and is paid; the rest of the price went back.'
    case 'refunded':
      return 'It was delivered, and the money went back.'
    case 'released':
      return `It came to nothing (${order.reason}), and the price went back.`
    default:
      return unreachable(order, 'orders show')
  }
}

type Amount = { readonly unit: 'RUB'; readonly kopecks: number } | { readonly unit: 'GEN'; readonly count: number }

/** What an amount of the books is for people. */
export function priceOf(price: Amount): string {
  return price.unit === 'RUB' ? `${(price.kopecks / 100).toFixed(2)} RUB` : `${price.count} free`
}

export const inUnit = (unit: 'RUB' | 'GEN', amount: number) =>
  unit === 'RUB' ? ({ unit, kopecks: amount } as const) : ({ unit, count: amount } as const)

const timeOf = (at: number): string => new Date(at).toISOString()
