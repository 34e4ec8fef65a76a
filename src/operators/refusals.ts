import type { Cid } from '../kit/ids.ts'

/**
 * What operators hear of messages that Telegram refuses for good: once for each kind, and again when there are ten times
 * as many or a day has passed. A kind is the method and Telegram's words without the ids and numbers in them.
 */
export type RefusedMessage = { readonly method: string; readonly detail: string; readonly cid: Cid }

/** A kind that was told is forgotten after so long, and told again when it comes again. */
export const refusalKeptMs = 24 * 3600 * 1000

const prefix = 'message_refused '
const keyUnitsMax = 200
const detailUnitsMax = 500

export const isRefusalKey = (key: string): boolean => key.startsWith(prefix)

export const refusalKey = ({ method, detail }: RefusedMessage): string =>
  `${prefix}${method} ${detail.replace(/"[^"]*"/g, '""').replace(/\d+/g, '#')}`.slice(0, keyUnitsMax)

/** `count` is how many of its kind there were since the first one was told, this one included. */
export const isRefusalTold = (count: number): boolean => /^10*$/.test(String(count))

export function refusalText(shop: string, { method, detail, cid }: RefusedMessage, count: number): string {
  const times = count === 1 ? '' : ` ${count} times by now; the latest:`
  return (
    `⚠️ MESSAGE_REFUSED (${shop})\n` +
    `Telegram refuses a ${method} of ours.${times} ${detail.slice(0, detailUnitsMax)}\n` +
    `The person was told in plain words where there was something to tell.\nRun: trt story ${cid}`
  )
}
