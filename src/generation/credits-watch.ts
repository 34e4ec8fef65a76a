import type { Catalog } from '../catalog/offer.ts'
import { lowestCost } from '../catalog/quote.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import { compareDecimals, type Decimal, parseDecimal } from '../money/decimal.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { KieGateway, KieNo } from './kie-gateway.ts'

/**
 * Whether KIE can sell to us, so that nobody is sold what cannot be made: the credits are read at the start and then
 * every few minutes, and every call to KIE is listened to. While KIE refuses the key, says that the credits are used
 * up, or has fewer than the cheapest offer costs, selling is paused. It goes on by itself: when the credits suffice
 * again, and after a call was refused not before a pause that grows with every further refusal.
 */
export type SellingFigures = {
  /** As KIE told it last, a decimal string. */
  readonly credits?: string
  readonly paused?: { readonly why: PauseReason; readonly since: Instant }
}
export type PauseReason = Extract<KieNo, 'key_refused' | 'no_credits'>

export type CreditsWatch = {
  /** KIE as everybody uses it, listened to. */
  readonly kie: KieGateway
  readonly figures: () => SellingFigures
  readonly isPaused: () => boolean
  /** Asks once. Never rejects. */
  refresh(signal?: AbortSignal): Promise<Outcome<string, KieNo>>
  /** Asks again and again while this instance leads, and sooner while selling is paused here. */
  watch(signal: AbortSignal): Promise<void>
}

const lookEveryMs = 3 * 60_000
/** Whoever has topped up wants to sell again. */
const lookWhilePausedMs = 20_000
/** After a refused call the credits alone do not tell that the next one is taken: a key may have a limit of its own. */
const shortestPauseMs = 20_000
const longestPauseMs = 10 * 60_000

export function createCreditsWatch({
  kie,
  catalog,
  creditsLow,
  leads,
  clock,
  telemetry,
}: {
  readonly kie: KieGateway
  readonly catalog: Catalog
  readonly creditsLow: number
  readonly leads: () => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}): CreditsWatch {
  const cheapest = cheapestOf(catalog)
  let figures: SellingFigures = {}
  let isLow = false
  /** Of the monotonic clock: a refused call keeps selling paused until then. */
  let refusedUntilMs = 0
  let refusalPauseMs = shortestPauseMs
  let rouse = () => {}

  function pause(why: PauseReason, detail?: string): void {
    const { paused, credits } = figures
    if (paused?.why === why) return
    figures = { ...figures, paused: { why, since: paused?.since ?? clock.now() } }
    const known = credits === undefined ? {} : { credits }
    telemetry.tell('SELLING_PAUSED', { why, ...known, ...(detail === undefined ? {} : { detail }) })
    rouse()
  }

  function refuse(why: PauseReason, detail: string): void {
    const nowMs = clock.monotonicMs()
    if (nowMs < refusedUntilMs) return
    // Refused soon after the last pause: it had not been put right.
    const again = refusedUntilMs > 0 && nowMs - refusedUntilMs < longestPauseMs
    refusalPauseMs = again ? Math.min(longestPauseMs, refusalPauseMs * 2) : shortestPauseMs
    refusedUntilMs = nowMs + refusalPauseMs
    pause(why, detail)
  }

  function note(credits: string): void {
    figures = { ...figures, credits }
    if (isLow !== Number(credits) < creditsLow) {
      isLow = !isLow
      if (isLow) telemetry.tell('KIE_CREDITS_LOW', { credits, level: creditsLow })
    }
    const suffices = cheapest === undefined || compareDecimals(parseDecimal(credits), cheapest) >= 0
    if (!suffices) pause('no_credits')
    else if (figures.paused !== undefined && clock.monotonicMs() >= refusedUntilMs) {
      figures = { credits }
      telemetry.tell('SELLING_RESUMED', { credits })
    }
  }

  /** Passes an outcome on, and heeds what it says of our account. */
  async function heed<T>(asked: Promise<Outcome<T, KieNo>>, refused = refuse): Promise<Outcome<T, KieNo>> {
    const outcome = await asked
    if (outcome.kind === 'not_done' && (outcome.why === 'key_refused' || outcome.why === 'no_credits')) {
      refused(outcome.why, outcome.detail)
    }
    return outcome
  }

  const listened: KieGateway = {
    upload: (file) => heed(kie.upload(file)),
    submit: (task) => heed(kie.submit(task)),
    look: (task) => heed(kie.look(task)),
    freshLink: (url) => heed(kie.freshLink(url)),
    credits: (signal) => heed(kie.credits(signal), pause),
  }

  async function refresh(signal?: AbortSignal): Promise<Outcome<string, KieNo>> {
    const outcome = await listened.credits(signal)
    // That KIE does not answer says nothing of our account.
    if (outcome.kind === 'done') note(outcome.value)
    return outcome
  }

  return {
    kie: listened,
    figures: () => figures,
    isPaused: () => figures.paused !== undefined,
    refresh,
    async watch(signal) {
      while (!signal.aborted) {
        const roused = new AbortController()
        // Only a pause that begins while the long wait runs shortens it.
        rouse = figures.paused === undefined ? () => roused.abort() : () => {}
        await clock.sleep(
          figures.paused === undefined ? lookEveryMs : lookWhilePausedMs,
          AbortSignal.any([signal, roused.signal]),
        )
        if (signal.aborted || roused.signal.aborted) continue
        if (leads() || figures.paused !== undefined) await refresh(signal)
      }
    },
  }
}

/** What the cheapest offer costs at KIE; with fewer credits nothing can be made. */
function cheapestOf({ offers }: Catalog): Decimal | undefined {
  const costs = offers.flatMap((offer) => lowestCost(offer)?.credits ?? [])
  return costs.toSorted(compareDecimals)[0]
}
