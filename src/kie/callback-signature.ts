import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SignatureHeaders } from '../intake/kie-callback.ts'
import type { Clock } from '../kit/clock.ts'

/** KIE names no window; a repeated callback may carry its first timestamp, so it is wide [kie-api 5.4]. */
const windowMs = 24 * 3600 * 1000

/**
 * Checks `X-Webhook-Signature`: base64 of HMAC-SHA256 over `taskId.timestamp`. It proves who sent the callback and for
 * which task, and says nothing about the rest of the body.
 */
export function createCallbackSignature(key: string, clock: Clock) {
  return function isSigned({ timestamp, signature }: SignatureHeaders, task: string): boolean {
    if (timestamp === undefined || signature === undefined || !/^\d{1,12}$/.test(timestamp)) return false
    if (Math.abs(clock.now() - Number(timestamp) * 1000) > windowMs) return false
    const ours = Buffer.from(createHmac('sha256', key).update(`${task}.${timestamp}`).digest('base64'))
    const theirs = Buffer.from(signature)
    return ours.length === theirs.length && timingSafeEqual(ours, theirs)
  }
}
