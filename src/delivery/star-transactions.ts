import type { ChargeId } from '../kit/ids.ts'
import { done, type Outcome } from '../kit/outcome.ts'

/** The bot's account of Stars: a payment and its refund are two transactions with the charge as their id. */
export type StarTransactions = (page: {
  readonly offset: number
  readonly limit: number
}) => Promise<Outcome<readonly { readonly id: string; readonly direction: 'in' | 'out' }[], string>>

/** The most that Telegram gives at a time. [bot-api getStarTransactions] */
const pageSize = 100

/** Whether Telegram's own list has the refund of a charge. It begins with the oldest, so all of it is read. */
export async function isInStarTransactions(
  list: StarTransactions,
  charge: ChargeId,
): Promise<Outcome<boolean, string>> {
  for (let offset = 0; ; offset += pageSize) {
    const page = await list({ offset, limit: pageSize })
    if (page.kind !== 'done') return page
    if (page.value.some(({ id, direction }) => id === charge && direction === 'out')) return done(true)
    if (page.value.length < pageSize) return done(false)
  }
}
