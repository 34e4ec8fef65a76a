/**
 * Posts to a task's `callBackUrl`: at its end, again when that is not answered with 200 within 15 seconds (three retries at
 * most), and in the ways `behaviour` asks for. What is still to be sent is kept with the task, so a restart goes on.
 */
import { createHmac } from 'node:crypto'
import type { World } from '../world.ts'
import type { Behaviour } from './behaviour.ts'
import type { Files } from './files.ts'
import type { Due, Task } from './task.ts'
import type { TaskShelf } from './task-shelf.ts'
import { callbackBody, forgedBody } from './task-views.ts'

const answerTimeoutMs = 15_000
/** KIE names no spacing for its retries; these are of the only page that names any. */
const retryAfterMs = [60_000, 300_000, 900_000] as const
const lateMs = 60_000
const duplicateAfterMs = 500
const closeWaitMs = 1_000

export type CallbackDeps = {
  readonly world: World
  readonly tasks: TaskShelf
  readonly files: Files
  readonly behaviour: () => Behaviour
  readonly changed: (id: string) => void
}

export function createCallbacks({ world, tasks, files, behaviour, changed }: CallbackDeps) {
  const { clock, outbound } = world
  const timers = new Set<() => void>()
  const inFlight = new Set<Promise<void>>()
  let closed = false

  function arm(id: string, due: Due): void {
    const cancel = clock.after(due.at - clock.now(), () => {
      timers.delete(cancel)
      const sending = send(id, due).finally(() => inFlight.delete(sending))
      inFlight.add(sending)
    })
    timers.add(cancel)
  }

  async function send(id: string, due: Due): Promise<void> {
    const task = tasks.find(id)
    const url = task?.callbackUrl
    if (task === undefined || url === undefined) return
    const body = due.body === 'forged' ? forgedBody(task, clock.now()) : callbackBody(task, files)
    if (body === undefined) return
    const answer = await outbound.request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signature(id) },
      body: JSON.stringify(body),
      timeoutMs: answerTimeoutMs,
    })
    const current = tasks.find(id)
    if (closed || current === undefined) return
    const status = answer.kind === 'answer' ? answer.status : null
    const seen = { at: clock.now(), status, ...(answer.kind === 'answer' ? {} : { error: answer.why }) }
    const retry = status === 200 || due.body === 'forged' ? undefined : retryOf(due)
    const left = current.due.filter((one) => one.at !== due.at || one.body !== due.body || one.attempt !== due.attempt)
    tasks.save({
      ...current,
      callbacks: [...current.callbacks, seen],
      due: retry === undefined ? left : [...left, retry],
    })
    if (retry !== undefined) arm(id, retry)
    changed(id)
  }

  function retryOf(due: Due): Due | undefined {
    const pause = retryAfterMs[due.attempt - 1]
    return pause === undefined ? undefined : { ...due, at: clock.now() + pause, attempt: due.attempt + 1 }
  }

  function signature(taskId: string): Record<string, string> {
    const key = behaviour().webhook_hmac_key
    if (key === null) return {}
    const timestamp = String(Math.floor(clock.now() / 1000))
    const signed = createHmac('sha256', key).update(`${taskId}.${timestamp}`).digest('base64')
    return { 'x-webhook-timestamp': timestamp, 'x-webhook-signature': signed }
  }

  return {
    /** What a new task will have to send before its end. */
    beforeEnd: (task: Omit<Task, 'due'>): Due[] =>
      task.callbackUrl !== undefined && task.callback === 'forged'
        ? [{ at: task.createdAt + Math.floor(task.latencyMs / 2), body: 'forged', attempt: 1 }]
        : [],
    /** What a task that ended now has to send. */
    atEnd({ callbackUrl, callback }: Task): Due[] {
      if (callbackUrl === undefined || callback === 'never') return []
      const at = clock.now()
      if (callback === 'late') return [{ at: at + lateMs, body: 'true', attempt: 1 }]
      const first: Due = { at, body: 'true', attempt: 1 }
      return callback === 'duplicate' ? [first, { ...first, at: at + duplicateAfterMs }] : [first]
    },
    arm,
    forget() {
      for (const cancel of timers) cancel()
      timers.clear()
    },
    async close() {
      closed = true
      for (const cancel of timers) cancel()
      timers.clear()
      // A receiver that does not answer must not hold the sandbox for its whole 15 seconds.
      await Promise.race([Promise.all(inFlight), new Promise((resolve) => setTimeout(resolve, closeWaitMs).unref())])
    },
  }
}
