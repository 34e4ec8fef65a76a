import { unreachable } from '../kit/unreachable.ts'
import type { Errand, ErrandKind } from './errand.ts'

/**
 * How each kind of errand behaves in the queue. An errand whose key is already waiting replaces the waiting one, so
 * there is one drawing of a screen and one poll of a task.
 */
export function jobKeyOf(errand: Errand): string | null {
  switch (errand.kind) {
    case 'show_progress':
      return `progress:${errand.order}`
    case 'submit_task':
      return `submit:${errand.order}`
    case 'watch_task':
      // A poll that a callback asked for never replaces the poll by the clock, so it cannot delay it.
      if (errand.calledAt !== undefined) return `callback:${errand.order}:${errand.calledAt}`
      return errand.hint === undefined ? `watch:${errand.order}` : `callback:${errand.order}`
    case 'deliver':
      return `deliver:${errand.order}`
    case 'send_invoice':
      return `invoice:${errand.topUp}`
    case 'remove_keyboard':
      return `keyboard:${errand.chat}`
    case 'refund_stars':
      return `refund:${errand.charge}`
    case 'answer_tap':
    case 'take_file':
    case 'send_again':
    case 'say':
    case 'tell_operator':
      return null
    default:
      return unreachable(errand, 'jobKeyOf')
  }
}

/** The errand that repeats this one: what a callback asked for goes on as the poll by the clock. */
export function repeatOf(errand: Errand): Errand {
  if (errand.kind !== 'watch_task') return errand
  const { calledAt: _, ...rest } = errand
  return rest
}

/** Deliveries share at most this many named queues, so that one slow chat does not occupy every worker [architecture 2]. */
const deliveryQueues = 64
export function queueOf(errand: Errand): string | null {
  return errand.kind === 'deliver' || errand.kind === 'send_again' ? `deliver:${errand.chat % deliveryQueues}` : null
}

/** Lower runs sooner: what a person waits for with a finger on the screen comes first. */
export function priorityOf(errand: Errand): number {
  switch (errand.kind) {
    case 'answer_tap':
      return -20
    case 'send_invoice':
    case 'say':
      return -10
    default:
      return 0
  }
}

/**
 * Failures in a row until an errand is shelved for a person. With the pauses below, 12 are 23 minutes. The poll of a
 * task fails for longer than the deadline of its order (a day), because that poll is what notices the deadline.
 */
export function failuresMaxOf(errand: Errand): number {
  switch (errand.kind) {
    case 'answer_tap':
      return 3
    case 'watch_task':
      return 300
    default:
      return 12
  }
}

/** Processes that may die while they execute a job alone; then it is shelved and not executed again. */
export const deathsMax = 5

const longestPauseMs = 300_000
/** 2, 4, 8 … 300 s, up to a quarter more or less. The number of the job spreads jobs that failed together. */
export function pauseAfterFailure(failures: number, job: string): number {
  const spread = (Number(job) * 0.618034) % 1
  return Math.round(Math.min(longestPauseMs, 1_000 * 2 ** failures) * (0.75 + spread / 2))
}

/** Every kind, as a table so that a new one does not compile until it stands here. */
const kinds: Readonly<Record<ErrandKind, true>> = {
  answer_tap: true,
  show_progress: true,
  take_file: true,
  send_invoice: true,
  submit_task: true,
  watch_task: true,
  deliver: true,
  send_again: true,
  say: true,
  remove_keyboard: true,
  refund_stars: true,
  tell_operator: true,
}
export const isErrandKind = (kind: string): kind is ErrandKind => Object.hasOwn(kinds, kind)
export const errandKinds: readonly ErrandKind[] = Object.keys(kinds).filter(isErrandKind)
