import { createHash, timingSafeEqual } from 'node:crypto'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'

/**
 * The paths and secret tokens that open the webhook: our own pair, and for 24 hours every pair that Telegram was given
 * before. So what Telegram still had under way is not refused after a change, and while two instances with different
 * pairs run, either takes what is meant for the other. Only hashes are kept.
 */
export type KnownKey = { readonly pathHash: string; readonly tokenHash: string; readonly usedAt: Instant }
export type WebhookKeys = {
  /** Whether the path belongs to any pair; takes the same time wherever it differs. */
  isPath(path: string): boolean
  isToken(path: string, token: string): boolean
  /**
   * Reads what the other instances and the former settings used; keeps what it knew when that fails. Says whether
   * Telegram was last given another pair than ours.
   */
  refresh(): Promise<'ours_or_none' | 'another'>
  /** Our pair is what Telegram has now; said before it is given and while it holds. Never rejects. */
  use(): Promise<void>
}
export type WebhookKeysDeps = {
  readonly own: { readonly path: string; readonly token: string }
  readonly known: (since: Instant) => Promise<readonly KnownKey[]>
  readonly noteUse: (key: KnownKey) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export const formerAcceptedMs = 24 * 3600 * 1000

export function createWebhookKeys({ own, known, noteUse, clock, telemetry }: WebhookKeysDeps): WebhookKeys {
  const pathHash = hashOf(own.path)
  const tokenHash = hashOf(own.token)
  let former: readonly KnownKey[] = []

  const accepted = () => {
    const since = after(clock.now(), -formerAcceptedMs)
    return [{ pathHash, tokenHash }, ...former.filter(({ usedAt }) => usedAt >= since)]
  }

  return {
    isPath(path) {
      const hash = hashOf(path)
      return accepted().filter((key) => isSame(key.pathHash, hash)).length > 0
    },
    isToken(path, token) {
      const [asked, given] = [hashOf(path), hashOf(token)]
      return accepted().filter((key) => isSame(key.pathHash, asked) && isSame(key.tokenHash, given)).length > 0
    },
    async refresh() {
      const all = await known(after(clock.now(), -formerAcceptedMs))
      const isOurs = (key: KnownKey) => key.pathHash === pathHash && key.tokenHash === tokenHash
      former = all.filter((key) => !isOurs(key))
      const newest = all.toSorted((a, b) => b.usedAt - a.usedAt)[0]
      return newest === undefined || isOurs(newest) ? 'ours_or_none' : 'another'
    },
    async use() {
      try {
        await noteUse({ pathHash, tokenHash, usedAt: clock.now() })
      } catch (error) {
        // The webhook is kept all the same; only a later change would find one pair less.
        telemetry.tell('WEBHOOK_KEYS_UNWRITTEN', { error: messageWithCauses(error) })
      }
    },
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const isSame = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b))
