import { unreachable } from '../kit/unreachable.ts'
import type { Order, OrderStatus, ReleaseReason } from './order.ts'

/**
 * Reads an order as it was stored. Every version that may stand in the table is read here and nowhere else; one of a
 * newer program (after a rollback) is a fault of that order alone.
 */
export type StoredOrder = { readonly version: 2; readonly order: Order }
export type ReadOrder =
  | { readonly kind: 'read'; readonly order: Order }
  /** Nothing may be concluded from it: not even whether money is held. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** An order that this program cannot read was asked for. */
export class UnreadableOrder extends Error {
  override readonly name = 'UnreadableOrder'
}

export const storedOrder = (order: Order): StoredOrder => ({ version: 2, order })

export function readOrder(stored: unknown): ReadOrder {
  if (!isRecord(stored)) return unreadable('it is no stored order')
  const { version, order: body } = stored
  if (version !== 1 && version !== 2) {
    return unreadable(`it is of version ${String(version)}, which this program does not know`)
  }
  if (!isRecord(body)) return unreadable('it holds no order')
  const order = version === 1 ? fromVersion1(body) : body
  const { status, reason } = order
  if (!isOneOf(status, statuses)) return unreadable(`its status is ${String(status)}, which this program does not know`)
  if (status === 'released' && !isOneOf(reason, reasons)) {
    return unreadable(`it was released because of ${String(reason)}, which this program does not know`)
  }
  const missing = fieldsOf(status).find((field) => order[field] === undefined)
  if (missing !== undefined) return unreadable(`it is ${status} and has no ${missing}`)
  // Written by this program or an older one, which knew no more than this one; the fields that decide were looked at.
  return { kind: 'read', order: order as Order }
}

/**
 * Version 1 had the addresses of what was made and, apart from them, a list of what was sent. The last one carried the
 * receipt as its caption, so an order of which all was sent has its receipt.
 */
function fromVersion1(order: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { artifacts: urls, delivered, ...rest } = order
  if (!Array.isArray(urls)) return rest
  const sent: readonly unknown[] = Array.isArray(delivered) ? delivered : []
  const artifacts = urls.map((url: unknown, index) => {
    const found = sent.filter(isRecord).find((each) => each['index'] === index)
    if (found === undefined) return { url, state: 'waiting' }
    const { index: _, ...file } = found
    return { url, state: 'sent', ...file }
  })
  const isWhole = urls.length > 0 && sent.length === urls.length
  return { ...rest, artifacts, ...(isWhole ? { receipt: { sent: sent.length, isFinal: true } } : {}) }
}

const unreadable = (why: string): ReadOrder => ({ kind: 'unreadable', why })

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isOneOf = <Name extends string>(value: unknown, names: Readonly<Record<Name, true>>): value is Name =>
  typeof value === 'string' && Object.hasOwn(names, value)

/** As tables, so that a new one does not compile until it stands here. */
const statuses: Readonly<Record<OrderStatus, true>> = {
  placed: true,
  submitting: true,
  uncertain: true,
  generating: true,
  delivering: true,
  completed: true,
  refunded: true,
  released: true,
}
const reasons: Readonly<Record<ReleaseReason, true>> = {
  cancelled: true,
  inputs_refused: true,
  moderated: true,
  generation_failed: true,
  provider_unavailable: true,
  input_lost: true,
  never_confirmed: true,
  lost: true,
  undeliverable: true,
}

const always = ['id', 'person', 'chat', 'cid', 'offer', 'model', 'values', 'price', 'day', 'placedAt'] as const
const accepted = [...always, 'task', 'submittedAt'] as const
const produced = [...accepted, 'producedAt', 'artifacts'] as const

function fieldsOf(status: OrderStatus): readonly string[] {
  switch (status) {
    case 'placed':
      return always
    case 'submitting':
    case 'uncertain':
      return [...always, 'since']
    case 'generating':
      return [...accepted, 'stage']
    case 'delivering':
      return produced
    case 'completed':
      return [...produced, 'completedAt']
    case 'refunded':
      return [...produced, 'refundedAt']
    case 'released':
      return [...always, 'releasedAt', 'gift']
    default:
      return unreachable(status, 'fieldsOf')
  }
}
