import type { TestContext } from 'node:test'
import { z } from 'zod'
import { createClock } from '../../src/kit/clock.ts'
import { createTelegramClient } from '../../src/telegram/client.ts'
import type { EventName } from '../../src/telemetry/events.ts'
import { createWebhookKeeper } from '../../src/webhook/webhook-keeper.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'
import type { Controls } from '../fixtures/sandbox.ts'
import { createTelling } from '../fixtures/telling.ts'

/** A keeper of the webhook that leads, for a bot of its own in the sandbox; time stands still until the test moves it. */
let botsMade = 0

export const tokenOf = (bot: number): string => `${bot}:${'w'.repeat(35)}`

export async function startKeeping(
  t: TestContext,
  sandboxUrl: string,
  { url, callMs = 5_000 }: { readonly url?: string; readonly callMs?: number } = {},
) {
  botsMade += 1
  const bot = 8_100_000 + botsMade
  const clock = createTestClock()
  const telling = createTelling(clock)
  const secret = 'the-secret-token'
  const address = url ?? `${sandboxUrl}/nobody-${bot}/webhook/the-secret-path`
  const deeds: string[] = []
  let acceptedAt: number | undefined
  // Calls are real and take real time; only the keeper's own waiting is the test's.
  const telegram = createTelegramClient({
    token: tokenOf(bot),
    apiRoot: `${sandboxUrl}/telegram`,
    clock: createClock(),
    limits: { callMs, fileMs: callMs },
  })
  const keeper = createWebhookKeeper({
    telegram,
    url: address,
    secretToken: secret,
    noteKeys: async () => undefined,
    lastAcceptedAt: () => acceptedAt,
    note: async (deed) => void deeds.push(deed),
    clock,
    telemetry: telling.telemetry,
  })
  let epoch = 0
  let over = new AbortController()
  let running = Promise.resolve()

  function lead(): void {
    epoch += 1
    over = new AbortController()
    running = keeper.duty.run({ kind: 'leader', epoch, isFresh: () => true }, over.signal)
  }

  async function demote(): Promise<void> {
    over.abort()
    await running
  }

  t.after(demote)
  lead()
  return {
    bot,
    url: address,
    secret,
    clock,
    deeds,
    figures: keeper.figures,
    lead,
    demote,
    accepted: (at: number) => {
      acceptedAt = at
    },
    /** Until the keeper waits for its next look or attempt; gives how long it will. */
    async rests(): Promise<number | undefined> {
      await until(() => clock.sleepers().length === 1, 'the keeper rests')
      return clock.sleepers()[0]
    },
    /** Somebody writes to this bot, and Telegram brings it to the webhook. */
    async isWrittenTo(controls: Controls): Promise<void> {
      const person = z.object({ id: z.number() }).loose()
      const { id } = person.parse(await controls.ask('POST', '/people', { first_name: 'Anna' }))
      await controls.ask('POST', `/people/${id}/messages?bot=${bot}`, { text: '/start' })
    },
    events: telling.events,
    fieldsOf: telling.fieldsOf,
    count: (event: EventName) => telling.fieldsOf(event).length,
    lines: telling.lines,
  }
}
