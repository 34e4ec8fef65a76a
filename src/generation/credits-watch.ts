import type { Catalog } from '../catalog/offer.ts'
import { lowestCost } from '../catalog/quote.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import { Pause } from '../kit/wait.ts'
import { compareDecimals, type Decimal, parseDecimal } from '../money/decimal.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { KieGateway, KieNo } from './kie-gateway.ts'

/**
 * Whether KIE can sell to us, so that nobody is sold what cannot be made: the credits are read at the start, then every
 * few minutes, and at once when a call is refused for our account's sake. While KIE refuses the key or has fewer
 * credits than the cheapest offer costs, selling is paused; so it is, for a time that grows, when KIE refuses several
 * calls in a row although the credits suffice (a key may have a limit of its own). It goes on by itself.
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
  /** What KIE told last that it has left for us. */
  readonly left: () => { readonly credits?: string }
  /** Asks once. Never rejects. */
  refresh(signal?: AbortSignal): Promise<Outcome<string, KieNo>>
  /** Asks again and again while this instance works, and sooner while selling is paused here. */
  watch(signal: AbortSignal): Promise<void>
}

const lookEveryMs = 3 * 60_000
/** Whoever has topped up wants to sell again. */
const lookWhilePausedMs = 20_000
/** So many refusals in a row count more than credits that suffice: another model may cost more, or the key is limited. */
const refusalsMax = 3
const shortestPauseMs = 20_000
const longestPauseMs = 10 * 60_000

export function createCreditsWatch({
  kie,
  catalog,
  creditsLow,
  works,
  clock,
  telemetry,
}: {
  readonly kie: KieGateway
  readonly catalog: Catalog
  readonly creditsLow: number
  readonly works: () => boolean
  readonly clock: Clock
  readonly telemetry: Telemetry
}): CreditsWatch {
  const cheapest = cheapestOf(catalog)
  let figures: SellingFigures = {}
  let isLow = false
  /** Calls in a row that were refused for our account's sake. */
  let refusals = 0
  /** Of the monotonic clock: refused calls keep selling paused until then, whatever the credits are. */
  let refusedUntilMs = 0
  let isWanted = false
  const untilLook = new Pause(clock)

  function pause(why: PauseReason, detail?: string): void {
    const { paused, credits } = figures
    if (paused?.why === why) return
    figures = { ...figures, paused: { why, since: paused?.since ?? clock.now() } }
    const known = credits === undefined ? {} : { credits }
    telemetry.emit('SELLING_PAUSED', { why, ...known, ...(detail === undefined ? {} : { detail }) })
  }

  function refuse(why: PauseReason, detail: string): void {
    refusals += 1
    if (refusals >= refusalsMax) {
      const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** (refusals - refusalsMax))
      refusedUntilMs = clock.monotonicMs() + pauseMs
      pause(why, detail)
    }
    // What the account says decides, and it is asked now.
    isWanted = true
    untilLook.end()
  }

  function note(credits: string): void {
    figures = { ...figures, credits }
    if (isLow !== Number(credits) < creditsLow) {
      isLow = !isLow
      if (isLow) telemetry.emit('KIE_CREDITS_LOW', { credits, level: creditsLow })
    }
    const suffices = cheapest === undefined || compareDecimals(parseDecimal(credits), cheapest) >= 0
    if (!suffices) pause('no_credits')
    else if (figures.paused !== undefined && clock.monotonicMs() >= refusedUntilMs) {
      figures = { credits }
      telemetry.emit('SELLING_RESUMED', { credits })
    }
  }

  /** Passes the outcome of a call on, and notes what it says about our account. */
  async function noting<T>(asked: Promise<Outcome<T, KieNo>>): Promise<Outcome<T, KieNo>> {
    const outcome = await asked
    if (outcome.kind === 'not_done' && isOfAccount(outcome.why)) refuse(outcome.why, outcome.detail)
    return outcome
  }

  const listened: KieGateway = {
    ...kie,
    upload: (file) => noting(kie.upload(file)),
    async submit(task) {
      const outcome = await noting(kie.submit(task))
      // Any other definite answer means that key and credits were taken. An upload costs nothing and proves nothing.
      const isTaken = outcome.kind === 'done' || (outcome.kind === 'not_done' && outcome.retry.when === 'never')
      if (isTaken && !(outcome.kind === 'not_done' && isOfAccount(outcome.why))) refusals = 0
      return outcome
    },
  }

  async function refresh(signal?: AbortSignal): Promise<Outcome<string, KieNo>> {
    const outcome = await kie.credits(signal)
    if (outcome.kind === 'done') note(outcome.value)
    else if (outcome.kind === 'not_done' && isOfAccount(outcome.why)) pause(outcome.why, outcome.detail)
    // That KIE does not answer says nothing of our account.
    return outcome
  }

  return {
    kie: listened,
    figures: () => figures,
    isPaused: () => figures.paused !== undefined,
    left: () => (figures.credits === undefined ? {} : { credits: figures.credits }),
    refresh,
    async watch(signal) {
      while (!signal.aborted) {
        const pauseMs = isWanted ? 0 : figures.paused === undefined ? lookEveryMs : lookWhilePausedMs
        await untilLook.rest(pauseMs, signal)
        const isDue = isWanted || works() || figures.paused !== undefined
        isWanted = false
        if (!signal.aborted && isDue) await refresh(signal)
      }
    },
  }
}

const isOfAccount = (why: KieNo): why is PauseReason => why === 'key_refused' || why === 'no_credits'

/** What the cheapest offer costs at KIE; with fewer credits nothing can be made. */
function cheapestOf({ offers }: Catalog): Decimal | undefined {
  const costs = offers.flatMap((offer) => lowestCost(offer)?.credits ?? [])
  return costs.toSorted(compareDecimals)[0]
}
