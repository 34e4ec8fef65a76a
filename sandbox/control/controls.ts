import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { DrivenClock } from '../clock.ts'
import type { PlannedFaults } from '../faults.ts'
import type { OpenFeed } from '../feed.ts'
import { acceptEmptyJson, parseBody } from './request.ts'

export type Controlled = {
  readonly clock: DrivenClock
  readonly faults: PlannedFaults
  readonly feed: OpenFeed
  /** Writes the moved time down, so that it does not go back after a kill. */
  readonly keepTime: () => void
  readonly reset: () => void
}

/** The controls that concern the whole world: time, faults, reset and the live feed. `app` is a scope of its own. */
export function controlRoutes(app: FastifyInstance, { clock, faults, feed, keepTime, reset }: Controlled): void {
  acceptEmptyJson(app)
  const time = () => ({ now: clock.now(), iso: new Date(clock.now()).toISOString(), rate: clock.rate() })

  app.get('/sandbox/v1/clock', async () => time())
  app.post('/sandbox/v1/clock', async (request) => {
    const wish = parseBody(clockBody, request.body)
    if (wish.rate !== undefined) clock.setRate(wish.rate)
    if (wish.advance_ms !== undefined) clock.advance(wish.advance_ms)
    keepTime()
    feed.publish({ type: 'world', what: 'clock' })
    return time()
  })

  app.get('/sandbox/v1/faults', async () => ({ faults: faults.list() }))
  app.post('/sandbox/v1/faults', async (request) => {
    const { times = 1, ...wish } = parseBody(faultBody, request.body)
    faults.plan(wish, times)
    feed.publish({ type: 'world', what: 'faults' })
    return { faults: faults.list() }
  })
  app.delete('/sandbox/v1/faults', async () => {
    faults.clear()
    feed.publish({ type: 'world', what: 'faults' })
    return { faults: [] }
  })

  app.post('/sandbox/v1/reset', async () => {
    reset()
    feed.publish({ type: 'world', what: 'reset' })
    return { ok: true }
  })

  app.get('/sandbox/v1/events', (request, reply) => {
    reply.hijack()
    feed.listen(reply.raw)
    request.raw.resume()
  })
}

/** A jump of ten years is a typing mistake, and timers count in 32 bits somewhere in every program. */
const advanceMsMax = 366 * 24 * 3600 * 1000

const clockBody = z
  .strictObject({
    advance_ms: z.number().int().min(0).max(advanceMsMax).optional(),
    rate: z.number().min(0).max(100_000).optional(),
  })
  .refine((body) => body.advance_ms !== undefined || body.rate !== undefined, 'give advance_ms or rate')

const faultBody = z
  .strictObject({
    on: z.enum(['telegram', 'kie', 'webhook']),
    method: z.string().min(1).exactOptional(),
    times: z.number().int().min(1).max(1_000_000).exactOptional(),
    status: z.number().int().min(100).max(599).exactOptional(),
    description: z.string().exactOptional(),
    retry_after: z.number().int().min(0).exactOptional(),
    delay_ms: z.number().int().min(0).exactOptional(),
    after_execution: z.boolean().exactOptional(),
  })
  .refine(
    (fault) =>
      fault.status !== undefined ||
      fault.retry_after !== undefined ||
      fault.delay_ms !== undefined ||
      fault.after_execution === true,
    'a fault needs at least one of status, retry_after, delay_ms, after_execution',
  )
