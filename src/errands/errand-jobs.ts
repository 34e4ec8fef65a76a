import { unreachable } from '../kit/unreachable.ts'
import type { Errand } from './errand.ts'

/**
 * How each kind of errand behaves in the engine. A key makes a later errand replace the waiting one: the newest
 * drawing of a screen, one look at a task.
 */
export function jobKeyOf(errand: Errand): string | null {
  switch (errand.kind) {
    case 'show_screen':
      return `screen:${errand.chat}`
    case 'show_progress':
      return `progress:${errand.order}`
    case 'submit_task':
      return `submit:${errand.order}`
    case 'watch_task':
      // A look that a callback asked for, which knows a task that the order may not know yet, is no look by the clock.
      return errand.hint === undefined ? `watch:${errand.order}` : `ring:${errand.order}`
    case 'deliver':
      return `deliver:${errand.order}`
    case 'send_invoice':
      return `invoice:${errand.topUp}`
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

/** Deliveries share at most this many queues, so that one slow chat does not hold all hands [architecture 2]. */
const deliveryQueues = 64
export function queueOf(errand: Errand): string | null {
  return errand.kind === 'deliver' || errand.kind === 'send_again' ? `deliver:${errand.chat % deliveryQueues}` : null
}

/** Lower runs sooner: what a person waits for with a finger on the screen comes first. */
export function priorityOf(errand: Errand): number {
  switch (errand.kind) {
    case 'answer_tap':
      return -20
    case 'show_screen':
    case 'send_invoice':
    case 'say':
      return -10
    default:
      return 0
  }
}

/** Whether a person waits for it with a finger on the screen. */
export const isAwaited = (errand: Errand): boolean => priorityOf(errand) < 0

/**
 * Tries until an errand is set aside for a person to look at. Engine waits grow: e^n seconds, at most six hours, so 12
 * are sixteen hours. A look at a task goes on for longer than its order's deadline, which it passes when it comes.
 */
export function attemptsMaxOf(errand: Errand): number {
  switch (errand.kind) {
    case 'answer_tap':
      return 3
    case 'watch_task':
      return 18
    default:
      return 12
  }
}
