import { type Instant, instant } from '../kit/clock.ts'
import type { ShopDay } from './amount.ts'

const shape = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/

/** Reads `2026-11-25`, as it is stored. */
export function shopDay(text: string): ShopDay {
  if (!shape.test(text)) throw new Error(`not a day of the shop: ${JSON.stringify(text)}`)
  return text as ShopDay
}

/** The day it is in the shop at this moment; `timezone` is an IANA name such as `Europe/Moscow`. */
export const shopDayAt = (at: Instant, timezone: string): ShopDay => shopDaysIn(timezone)(at)

/** Days begin at a whole minute in every time zone. */
const minuteMs = 60_000

/**
 * The same for a caller that asks often: finding out about a time zone takes much longer than about a day in it, and the
 * day of a minute is the day of all its moments.
 */
export function shopDaysIn(timezone: string): (at: Instant) => ShopDay {
  const format = new Intl.DateTimeFormat('en', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  let last: { readonly minute: number; readonly day: ShopDay } | undefined

  function dayOf(at: Instant): ShopDay {
    const parts = new Map(format.formatToParts(at).map((part) => [part.type, part.value]))
    return shopDay(`${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`)
  }

  return (at) => {
    const minute = Math.floor(at / minuteMs)
    if (last?.minute !== minute) last = { minute, day: dayOf(at) }
    return last.day
  }
}

const dayMs = 24 * 3600 * 1000

/** When this day begins in the shop, and when the next one does. */
export function shopDaySpan(day: ShopDay, timezone: string): { readonly from: Instant; readonly to: Instant } {
  const dayAt = shopDaysIn(timezone)
  const begins = (midnightUtc: number): Instant => {
    const wanted = new Date(midnightUtc).toISOString().slice(0, 10)
    // No time zone is more than 14 hours away from UTC.
    let [before, from] = [midnightUtc - dayMs, midnightUtc + dayMs]
    while (from - before > minuteMs) {
      const middle = before + Math.floor((from - before) / 2 / minuteMs) * minuteMs
      if (dayAt(instant(middle)) < wanted) before = middle
      else from = middle
    }
    return instant(from)
  }
  const midnight = Date.parse(`${day}T00:00:00Z`)
  return { from: begins(midnight), to: begins(midnight + dayMs) }
}
