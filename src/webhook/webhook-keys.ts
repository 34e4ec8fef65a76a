import { hash, timingSafeEqual } from 'node:crypto'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import { messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'

/**
 * The paths and secret tokens that open the webhook: our own pair, and for 24 hours every pair that Telegram was given
 * before. So what Telegram still had under way is not refused after a change, and while two instances with different
 * pairs run, either takes what is meant for the other. Only hashes are kept.
 */
export type KnownKey = { readonly pathHash: string; readonly tokenHash: string; readonly usedAt: Instant }
export type KeyCheck = 'right' | 'wrong_path' | 'wrong_token'
export type WebhookKeys = {
  /** Whether the path and the token belong to one pair; takes the same time wherever they differ. */
  check(path: string, token: string): KeyCheck
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
  const [pathHash, tokenHash] = [hashOf(own.path), hashOf(own.token)]
  const isOurs = comparedWith(own.path, own.token)
  const ours = acceptedKey({ pathHash, tokenHash }, Number.POSITIVE_INFINITY)
  let accepted: readonly AcceptedKey[] = [ours]

  return {
    check(path, token) {
      // Almost every request: two hashes of it would cost more than the rest of its way to the inbox.
      if (isOurs(path, token)) return 'right'
      const [givenPath, givenToken] = [digestOf(path), digestOf(token)]
      const now = clock.now()
      let result: KeyCheck = 'wrong_path'
      for (const key of accepted) {
        const isPath = timingSafeEqual(key.path, givenPath)
        const isToken = timingSafeEqual(key.token, givenToken)
        if (!isPath || now > key.until) continue
        if (isToken) result = 'right'
        else if (result === 'wrong_path') result = 'wrong_token'
      }
      return result
    },
    async refresh() {
      const all = await known(after(clock.now(), -formerAcceptedMs))
      const isOwn = (key: KnownKey) => key.pathHash === pathHash && key.tokenHash === tokenHash
      const former = all.filter((key) => !isOwn(key))
      accepted = [ours, ...former.map((key) => acceptedKey(key, after(key.usedAt, formerAcceptedMs)))]
      const newest = all.toSorted((a, b) => b.usedAt - a.usedAt)[0]
      return newest === undefined || isOwn(newest) ? 'ours_or_none' : 'another'
    },
    async use() {
      try {
        await noteUse({ pathHash, tokenHash, usedAt: clock.now() })
      } catch (error) {
        // The webhook is kept all the same; only a later change would find one pair less.
        telemetry.emit('WEBHOOK_KEYS_UNWRITTEN', { error: messageWithCauses(error) })
      }
    },
  }
}

/** A pair ready to be compared. */
type AcceptedKey = { readonly path: Buffer; readonly token: Buffer; readonly until: number }
const acceptedKey = (key: Pick<KnownKey, 'pathHash' | 'tokenHash'>, until: number): AcceptedKey => ({
  path: Buffer.from(key.pathHash, 'hex'),
  token: Buffer.from(key.tokenHash, 'hex'),
  until,
})

/** Longer ones are only compared as hashes; Telegram's secret token has 256 characters at most [telegram-bot-api 2]. */
const keyBytesMax = 256

/** Whether a path and a token are these two; takes the same time wherever, and by whatever length, they differ. */
function comparedWith(path: string, token: string): (path: string, token: string) => boolean {
  const wanted = Buffer.alloc(2 * keyBytesMax)
  const given = Buffer.alloc(2 * keyBytesMax)
  const fill = (pair: Buffer, path: string, token: string): void => {
    pair.fill(0)
    pair.write(path, 0, keyBytesMax)
    pair.write(token, keyBytesMax, keyBytesMax)
  }
  fill(wanted, path, token)
  const fits = Buffer.byteLength(path) <= keyBytesMax && Buffer.byteLength(token) <= keyBytesMax
  return (givenPath, givenToken) => {
    fill(given, givenPath, givenToken)
    const isEqual = timingSafeEqual(wanted, given)
    return isEqual && fits && givenPath.length === path.length && givenToken.length === token.length
  }
}

const hashOf = (text: string): string => hash('sha256', text, 'hex')
const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer')
