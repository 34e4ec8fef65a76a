import type { Cid } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/**
 * A call whose outcome is unknown is repeated rather than lost, but not for ever: Telegram may have executed each of
 * them, so a person may see as many copies as there were calls.
 */
export const copiesMax = 3
/** An edit is seen once, however often it is made. */
export const editsMax = 12

/** The end of a message that nobody confirmed. */
export function emitUnconfirmed(telemetry: Telemetry, cid: Cid, what: string, calls: number, detail: string): void {
  telemetry.emit('MESSAGE_UNCONFIRMED', { cid, what, calls, detail })
}
