import type { Clock } from '../kit/clock.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { LeaderPermit } from '../permit.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { Accepted } from './telegram-webhook.ts'

/**
 * The other way for updates to arrive (`BOT_MODE=polling`): they are asked for, and take the same way into the inbox as
 * those of the webhook. For a machine that nobody reaches from outside; never beside a webhook.
 *
 * What is asked for next begins after the last update that is committed, so what was not committed comes again. A
 * `pre_checkout_query` is answered by a call before its batch is committed: it has ten seconds.
 */
export type PollingDeps = {
  readonly telegram: {
    deleteWebhook(options: { readonly dropPending: false }, signal: AbortSignal): Promise<Outcome<true>>
    getUpdates(wait: {
      readonly offset: number
      readonly timeoutS: number
      readonly signal: AbortSignal
    }): Promise<Outcome<readonly { readonly body: unknown; readonly raw: string }[]>>
  }
  /** Looks at one update and commits it; its pre-checkout is answered on the way. Those of one moment share a commit. */
  readonly accept: (raw: string, startedMs: number) => Promise<Accepted>
  /** The id of an update; undefined for what is none. */
  readonly updateIdOf: (body: unknown) => number | undefined
  /** The polling of this epoch has begun; never rejects. */
  readonly started: (epoch: number) => Promise<void>
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export type PollingFigures = {
  /** Since when Telegram has given us no updates because of somebody else. */
  readonly conflictSince?: number
  readonly conflict?: string
}

export type Polling = {
  /** Polls until `signal` aborts; what it holds then is committed first. */
  run(permit: LeaderPermit, signal: AbortSignal): Promise<void>
  figures(): PollingFigures
}

/** Telegram answers earlier when there is something; it takes fifty seconds at most [telegram-bot-api 2.3]. */
const waitS = 30
const pausesMs = [1_000, 2_000, 5_000, 10_000, 30_000] as const
const longestPauseMs = 30_000
/** What could not be committed is asked for again so soon: a pre-checkout may be among it. */
const uncommittedPauseMs = 500

export function createTelegramPolling(deps: PollingDeps): Polling {
  const { telegram, clock, telemetry } = deps
  let figures: PollingFigures = {}

  /** Once each time this instance becomes ACTIVE; updates that wait are kept. */
  async function removeWebhook(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      const outcome = await telegram.deleteWebhook({ dropPending: false }, signal)
      if (outcome.kind === 'done' || signal.aborted) return
      await pause(outcome, failures, signal)
    }
  }

  async function pause(
    outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
    failures: number,
    signal: AbortSignal,
  ): Promise<void> {
    const named = outcome.kind === 'not_done' && outcome.retry.when === 'later' ? outcome.retry.afterMs : undefined
    const pauseMs = named ?? pausesMs[failures] ?? longestPauseMs
    const told = { error: outcome.detail, retry_in_s: pauseMs / 1000 }
    if (outcome.kind === 'not_done' && outcome.why === 'conflict') {
      figures = { conflictSince: figures.conflictSince ?? clock.now(), conflict: outcome.detail }
      telemetry.emit('POLLING_CONFLICT', { ...told, todo: todoOf(outcome.detail) })
    } else telemetry.emit('POLLING_REFUSED', told)
    await clock.sleep(pauseMs, signal)
  }

  /** Commits a batch; gives the id to ask for next: that of the first update that is not committed. */
  async function take(batch: readonly { readonly body: unknown; readonly raw: string }[], from: number) {
    const startedMs = clock.monotonicMs()
    const taken = await Promise.all(
      batch.map(async ({ body, raw }) => ({
        id: deps.updateIdOf(body) ?? 0,
        isCommitted: (await deps.accept(raw, startedMs)).kind !== 'later',
      })),
    )
    const left = taken.filter(({ isCommitted }) => !isCommitted).map(({ id }) => id)
    return { isWhole: left.length === 0, next: left.length > 0 ? Math.min(...left) : nextAfter(taken, from) }
  }

  async function poll(permit: LeaderPermit, signal: AbortSignal): Promise<void> {
    await removeWebhook(signal)
    if (signal.aborted) return
    telemetry.emit('POLLING_STARTED', { epoch: permit.epoch })
    await deps.started(permit.epoch)
    let offset = 0
    for (let failures = 0; !signal.aborted; ) {
      // A frozen leader that comes back must not take the updates of the next one.
      if (!permit.isFresh()) {
        await clock.sleep(uncommittedPauseMs, signal)
        continue
      }
      const outcome = await telegram.getUpdates({ offset, timeoutS: waitS, signal })
      if (outcome.kind !== 'done') {
        if (!signal.aborted) await pause(outcome, failures++, signal)
        continue
      }
      failures = 0
      figures = {}
      const { isWhole, next } = await take(outcome.value, offset)
      offset = next
      if (!isWhole) await clock.sleep(uncommittedPauseMs, signal)
    }
  }

  return {
    async run(permit, signal) {
      try {
        await poll(permit, signal)
      } finally {
        figures = {}
      }
    },
    figures: () => figures,
  }
}

const nextAfter = (taken: readonly { readonly id: number }[], from: number): number =>
  Math.max(from, ...taken.map(({ id }) => id + 1))

const todoOf = (detail: string): string =>
  /webhook/i.test(detail)
    ? 'a webhook is set for this bot: end the program that set it (or set BOT_MODE=webhook here), then trt webhook delete'
    : 'another program polls with this bot token: end it; one token serves one program'

/** Answers a pre-checkout by a call. What may be answered a moment later throws, and its update is asked for again. */
export function createAnswerNow(
  answerPreCheckout: (
    query: string,
    answer: { readonly ok: true } | { readonly ok: false; readonly message: string },
  ) => Promise<Outcome<true>>,
) {
  return async function answerNow(answer: Readonly<Record<string, unknown>>): Promise<void> {
    const verdict =
      answer['ok'] === true ? ({ ok: true } as const) : { ok: false as const, message: String(answer['error_message']) }
    const outcome = await answerPreCheckout(String(answer['pre_checkout_query_id']), verdict)
    // A definite no means that its time is over.
    const isOver = outcome.kind === 'done' || (outcome.kind === 'not_done' && outcome.retry.when === 'never')
    if (!isOver) throw new Error(`a pre-checkout could not be answered: ${outcome.detail}`)
  }
}
