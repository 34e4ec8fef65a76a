/**
 * A task of KIE, as it is kept: what was asked, what will become of it, and what became of it.
 *
 *   waiting ─► queuing ─► generating ─► success | fail
 *
 * The running states are read from the clock; only the end is written, once.
 */
import { z } from 'zod'

const due = z.object({
  at: z.number(),
  /** `forged` lies about the task. */
  body: z.enum(['true', 'forged']),
  /** 1 is the first try; three retries follow at most. */
  attempt: z.number(),
})
export type Due = z.infer<typeof due>

export const failure = z.object({ code: z.string(), msg: z.string() })
export type Failure = z.infer<typeof failure>

const settled = z.discriminatedUnion('state', [
  z.object({ state: z.literal('success'), at: z.number(), files: z.array(z.string()), credits: z.number() }),
  z.object({ state: z.literal('fail'), at: z.number(), failure }),
])
export type Settled = z.infer<typeof settled>

export const task = z.object({
  id: z.string(),
  model: z.string(),
  input: z.record(z.string(), z.unknown()),
  callbackUrl: z.string().optional(),
  createdAt: z.number(),
  latencyMs: z.number(),
  price: z.number(),
  /** What `behaviour` said when it was created; absent: it succeeds if it can. */
  planned: failure.optional(),
  callback: z.enum(['normal', 'never', 'duplicate', 'late', 'forged']),
  settled: settled.optional(),
  callbacks: z.array(z.object({ at: z.number(), status: z.number().nullable(), error: z.string().optional() })),
  due: z.array(due),
})
export type Task = z.infer<typeof task>

export type TaskState = 'waiting' | 'queuing' | 'generating' | 'success' | 'fail'

/** A task that is late, because its picture takes longer than planned, is still generating. */
export function stateOf(one: Task, now: number): TaskState {
  if (one.settled !== undefined) return one.settled.state
  const progress = (now - one.createdAt) / Math.max(1, one.latencyMs)
  if (progress < 0.1) return 'waiting'
  return progress < generatingFrom ? 'queuing' : 'generating'
}

/** The share of its latency that a task waits before it is worked on. */
export const generatingFrom = 0.3
