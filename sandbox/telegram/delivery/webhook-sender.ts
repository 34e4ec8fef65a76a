import type { Fault, World } from '../../world.ts'
import type { Bot, Webhook } from '../model.ts'
import type { UpdateRecord, Updates } from './updates.ts'

/**
 * Brings one bot's updates to its webhook, as the official server does. A lane (a chat's messages, a person's taps, a
 * person's payments) has one request in flight and keeps its order; lanes travel side by side over as many connections
 * as `max_connections` allows. A failed update blocks its own lane and is tried again at once, then after 2, 4, 8 …
 * seconds, up to a random cap between one and two minutes, until it expires.
 */
export type WebhookState = {
  readonly lastErrorDate?: number
  readonly lastErrorMessage?: string
}

export type SenderDeps = {
  readonly world: World
  readonly updates: Updates
  readonly bot: Bot
  readonly webhook: Webhook
  /** Executes a method that came in the webhook's answer. */
  readonly execute: (bot: number, contentType: string, body: Uint8Array) => void
  /** The webhook answered 410 for 23 hours. */
  readonly onGone: () => void
}

const resendCapMs = 60_000
const retryAfterSecondsMax = 3600
const requestTimeoutMs = 60_000
const successIsFreshMs = 10_000
const goneAfterMs = 23 * 3600 * 1000
/** Without a fresh success one connection, opened no faster than every two seconds; with it, ten per half a second. */
const cautious = { perWindow: 1, windowMs: 2000 }
const confident = { perWindow: 10, windowMs: 500 }

type Lane = {
  readonly waiting: UpdateRecord[]
  state: 'idle' | 'ready' | 'sending' | 'resting'
  delayMs: number
  failures: number
  wake?: () => void
}

export class WebhookSender {
  readonly #deps: SenderDeps
  readonly #lanes = new Map<string, Lane>()
  readonly #ready: string[] = []
  /** When connections were opened lately. */
  #opened: number[] = []
  #connections = 0
  #busy = 0
  #lastSuccessAt = Number.NEGATIVE_INFINITY
  #goneSince: number | undefined
  #cancelPump: (() => void) | undefined
  #closed = false
  #lastError: WebhookState = {}

  constructor(deps: SenderDeps) {
    this.#deps = deps
    for (const update of deps.updates.pending(deps.bot.id)) this.#enqueue(update)
    this.#pump()
  }

  add(update: UpdateRecord): void {
    this.#enqueue(update)
    this.#pump()
  }

  state(): WebhookState {
    return this.#lastError
  }

  /** Sends nothing more; what is in flight may end, and no longer counts. */
  stop(): void {
    this.#closed = true
    this.#cancelPump?.()
    for (const lane of this.#lanes.values()) lane.wake?.()
    this.#lanes.clear()
  }

  #enqueue(update: UpdateRecord): void {
    let lane = this.#lanes.get(update.lane)
    if (lane === undefined) {
      lane = { waiting: [], state: 'idle', delayMs: 1000, failures: 0 }
      this.#lanes.set(update.lane, lane)
    }
    lane.waiting.push(update)
    if (lane.state === 'idle') this.#makeReady(update.lane, lane)
  }

  #makeReady(name: string, lane: Lane): void {
    lane.state = 'ready'
    this.#ready.push(name)
  }

  #pump(): void {
    while (!this.#closed && this.#ready.length > 0 && (this.#busy < this.#connections || this.#openConnection())) {
      const name = this.#ready.shift() ?? ''
      const lane = this.#lanes.get(name)
      const update = lane?.waiting[0]
      if (lane === undefined || update === undefined) continue
      if (this.#isOver(update)) {
        this.#next(name, lane)
        continue
      }
      lane.state = 'sending'
      this.#busy += 1
      void this.#send(update).then((outcome) => this.#record(name, lane, update, outcome))
    }
  }

  /** True when one more connection may be opened now; else the pump comes back when it may. */
  #openConnection(): boolean {
    const now = this.#deps.world.clock.now()
    const fresh = this.#lastSuccessAt + successIsFreshMs > now
    const { perWindow, windowMs } = fresh ? confident : cautious
    if (this.#connections >= (fresh ? this.#deps.webhook.maxConnections : 1)) return false
    this.#opened = this.#opened.filter((at) => at > now - cautious.windowMs)
    const recent = this.#opened.filter((at) => at > now - windowMs)
    const oldest = recent.at(-perWindow)
    if (oldest !== undefined) {
      this.#cancelPump?.()
      this.#cancelPump = this.#deps.world.clock.after(oldest + windowMs - now, () => this.#pump())
      return false
    }
    this.#opened.push(now)
    this.#connections += 1
    return true
  }

  async #send(update: UpdateRecord): Promise<Outcome> {
    const { world, webhook } = this.#deps
    const { clock } = world
    const at = clock.now()
    const startedAt = performance.now()
    const outcome = await this.#request(update, webhook)
    this.#deps.updates.noteAttempt(update, {
      at,
      status: outcome.status,
      took_ms: Math.round(performance.now() - startedAt),
      ...(outcome.error === undefined ? {} : { error: outcome.error }),
      via: 'webhook',
    })
    return outcome
  }

  async #request(update: UpdateRecord, webhook: Webhook): Promise<Outcome> {
    const { world } = this.#deps
    const fault = world.faults.take('webhook', update.kind)
    if (fault?.delay_ms !== undefined) await pause(world, fault.delay_ms)
    const replaced =
      fault === undefined || (fault.delay_ms !== undefined && fault.status === undefined && !fault.after_execution)
        ? undefined
        : plannedOutcome(fault)
    if (replaced !== undefined && fault?.after_execution !== true) return replaced
    const answer = await world.outbound.request(webhook.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(webhook.secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': webhook.secret }),
      },
      body: JSON.stringify(update.payload),
      timeoutMs: requestTimeoutMs,
      maxBytes: 10 * 1024 * 1024,
    })
    if (replaced !== undefined) return replaced
    if (answer.kind !== 'answer') return { status: 0, error: answer.why, retryAfter: 0 }
    const { status, headers, body } = answer
    if (status >= 200 && status < 300) {
      return { status, retryAfter: 0, method: { contentType: headers.get('content-type') ?? '', body } }
    }
    return { status, error: wrongResponse(status), retryAfter: retryAfterOf(headers.get('retry-after')) }
  }

  #record(name: string, lane: Lane, update: UpdateRecord, outcome: Outcome): void {
    this.#busy -= 1
    if (this.#closed) return
    const now = this.#deps.world.clock.now()
    if (outcome.status === 0) this.#connections -= 1
    this.#noteGone(outcome.status, now)
    if (this.#closed) return
    if (outcome.method !== undefined) {
      this.#lastSuccessAt = now
      this.#deps.updates.settle(update, 'delivered')
      this.#next(name, lane)
      const { contentType, body } = outcome.method
      if (body.byteLength > 0) this.#deps.execute(update.bot, contentType, body)
    } else {
      this.#lastError = { lastErrorDate: Math.floor(now / 1000), lastErrorMessage: outcome.error ?? 'Unknown error' }
      this.#rest(name, lane, update, outcome.retryAfter, now)
    }
    this.#pump()
  }

  /** The lane waits, or its first update has expired and the next takes its place. */
  #rest(name: string, lane: Lane, update: UpdateRecord, retryAfter: number, now: number): void {
    let waitMs = retryAfter * 1000
    if (retryAfter === 0 && lane.failures > 0) {
      const cap = resendCapMs * (1 + this.#deps.world.chance.of(`resend ${update.id} ${lane.failures}`))
      lane.delayMs = Math.min(cap, lane.delayMs * 2)
      waitMs = lane.delayMs
    }
    lane.failures += 1
    if (this.#isOver(update) || now + waitMs > update.expiresAt) {
      this.#deps.updates.settle(update, 'expired')
      this.#next(name, lane)
      return
    }
    lane.state = 'resting'
    lane.wake = this.#deps.world.clock.after(waitMs, () => {
      this.#makeReady(name, lane)
      this.#pump()
    })
  }

  #next(name: string, lane: Lane): void {
    lane.waiting.shift()
    lane.delayMs = 1000
    lane.failures = 0
    while (lane.waiting[0] !== undefined && this.#isOver(lane.waiting[0])) lane.waiting.shift()
    if (lane.waiting.length > 0) this.#makeReady(name, lane)
    else this.#lanes.delete(name)
  }

  /** Expired, or settled by somebody else. */
  #isOver(update: UpdateRecord): boolean {
    if (this.#deps.updates.isExpired(update)) this.#deps.updates.settle(update, 'expired')
    return update.state !== 'pending'
  }

  #noteGone(status: number, now: number): void {
    if (status !== 410) {
      this.#goneSince = undefined
      return
    }
    this.#goneSince ??= now
    if (now - this.#goneSince >= goneAfterMs) this.#deps.onGone()
  }
}

type Outcome = {
  readonly status: number
  readonly error?: string
  readonly retryAfter: number
  /** The body of a 2xx answer: perhaps a method to execute. */
  readonly method?: { readonly contentType: string; readonly body: Uint8Array }
}

function plannedOutcome(fault: Fault): Outcome {
  const retryAfter = fault.retry_after ?? 0
  const status = fault.status ?? (fault.retry_after === undefined ? undefined : 503)
  if (status === undefined) return { status: 0, error: 'Connection closed', retryAfter }
  if (status >= 200 && status < 300)
    return { status, retryAfter: 0, method: { contentType: '', body: new Uint8Array() } }
  return { status, error: wrongResponse(status), retryAfter: Math.min(retryAfter, retryAfterSecondsMax) }
}

const reasons = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [410, 'Gone'],
  [413, 'Payload Too Large'],
  [415, 'Unsupported Media Type'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
])

const wrongResponse = (status: number) =>
  `Wrong response from the webhook: ${status} ${reasons.get(status) ?? ''}`.trimEnd()

function retryAfterOf(header: string | null): number {
  const seconds = Number(header ?? 0)
  return Number.isInteger(seconds) ? Math.min(Math.max(seconds, 0), retryAfterSecondsMax) : 0
}

const pause = (world: World, ms: number) => new Promise<void>((resolve) => world.clock.after(ms, () => resolve()))
