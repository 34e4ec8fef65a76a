import type { Instant } from '../kit/clock.ts'
import type { Cid, OrderId, PersonId } from '../kit/ids.ts'
import type { Kopecks } from '../money/amount.ts'
import type { LossReason } from '../orders/order.ts'

/**
 * A loss: an order, or a part of one, that brings no revenue for a reason that is not the person's; an input that was
 * lost on the way; a message that Telegram refused for good. Each is recorded once, in the step that makes it true.
 *
 * No loss is an order that the person cancelled, one that KIE's content rules refused without taking credits, and what
 * an operator gives back by hand, who knows of it.
 */
export type Loss = {
  readonly cause: LossCause
  /** The story it belongs to. */
  readonly cid: Cid
  readonly at: Instant
  readonly order?: OrderId
  /** Which result of the order, counted from 1. */
  readonly result?: number
  readonly person?: PersonId
  /** What KIE took for it, a decimal string; absent when nobody knows. */
  readonly credits?: string
  /** The revenue that is missing; absent where a free generation was given back, or nothing was to be paid. */
  readonly kopecks?: Kopecks
  /** The outside cause for an operator: host, code and words. */
  readonly detail: string
}

/** Where losses are kept. A port, used inside a step's transaction. */
export interface Losses {
  /**
   * Adds one; false when it is known already. An order has one loss for each cause and result; without an order a story
   * has one for each cause and detail.
   */
  add(loss: Loss): Promise<boolean>
}

/** MAP: every cause of a loss, with what it means and what an operator does about it. */
export const causes = {
  result_gone: {
    meaning: 'the link to a result that KIE made was dead for an hour, and no other link could be had',
    check:
      'whether the host in the detail answers a request from here, and whether KIE still shows the result of the task',
    todo: 'ask KIE for the credits of the task; it is still looked for now and then, and brought as a gift',
  },
  result_not_a_picture: {
    meaning: 'under the link to a result lay something that is no picture, for an hour',
    check: 'what the host in the detail sends: a page that tells of an error, or a format that is new',
    todo: 'for an error of the host wait or ask KIE; a new format needs a change of the program',
  },
  result_forbidden: {
    meaning: 'the link to a result led to an address that is not a public one, or through too many redirects',
    check: 'what the resolver here gives for the host in the detail: a filter may answer in its place',
    todo: 'repair the resolver; results of the last days are brought as gifts then',
  },
  result_unreachable: {
    meaning: 'the host of a result gave no answer for six hours',
    check: '`npx trt doctor`, and whether the host in the detail can be reached from here',
    todo: 'open the way to that host; results of the last days are brought as gifts then',
  },
  result_too_big: {
    meaning: 'a result is larger than a bot may send (50 MB)',
    check: 'which offer and which settings make files of that size',
    todo: 'take the largest settings out of that offer',
  },
  result_refused: {
    meaning: 'Telegram took a result neither as a photo nor as a file',
    check: "Telegram's words in the detail",
    todo: 'send the file to the person by hand (the link stands in KIE’s task), and report it',
  },
  result_late: {
    meaning: 'a result had not been brought to the person when the deadline of its order passed',
    check: 'RESULT_NOT_DELIVERED and ERRAND_FAILED in the log of this cid',
    todo: 'put right what kept it; `npx trt jobs list` shows jobs that were set aside',
  },
  result_missing: {
    meaning: 'KIE made fewer results than were ordered; what is missing was not charged',
    check: 'whether it is always the same offer',
    todo: 'if it is, offer fewer results there',
  },
  task_failed: {
    meaning: 'KIE accepted the task and said later that it had failed',
    check: 'code and words in the detail; whether it is always the same model',
    todo: 'hide a model that fails all the time; if credits were taken, ask KIE for them',
  },
  task_empty: {
    meaning: 'KIE called the task a success, and its list of results stayed empty',
    check: 'the task at kie.ai, and what it cost',
    todo: 'ask KIE for the credits',
  },
  task_moderated: {
    meaning: "KIE's content rules stopped the task, and KIE took credits for it",
    check: 'the prompt, and whether one person does this again and again',
    todo: 'nothing for a single one; else hide the model, or speak to the person',
  },
  task_silent: {
    meaning: 'KIE accepted the task and never said what became of it, until the deadline',
    check: 'the task at kie.ai; `npx trt doctor`',
    todo: 'ask KIE for the credits; a late result is brought as a gift',
  },
  task_unanswered: {
    meaning: 'KIE was asked and gave no answer, and no callback came until the deadline; the task may have run',
    check: 'the task list at kie.ai at that time; whether KIE can reach PUBLIC_URL with its callbacks',
    todo: 'a late result is brought as a gift; many in a row: see the way to KIE',
  },
  inputs_refused: {
    meaning: 'KIE refused inputs that our own rules had let through; it took nothing',
    check: "KIE's words in the detail; whether it is always the same offer",
    todo: 'correct the rules of that offer, or hide it until then',
  },
  not_bought: {
    meaning: 'an order was given up because nothing could be bought at KIE (credits, key, model, maintenance)',
    check: '`npx trt doctor`, and the words in the detail',
    todo: 'top up, correct the key, or hide a model that is gone',
  },
  input_lost: {
    meaning: 'a file of the person could not be brought to KIE, or KIE could not read it',
    check: 'the host in the detail: Telegram’s files, or KIE’s upload host',
    todo: 'the person was asked to send it again; many in a row: see the way to that host',
  },
  message_refused: {
    meaning: 'Telegram refused a message, an edit or an invoice for good',
    check: 'method and description in the detail',
    todo: 'report it: a text of ours is at fault, or a rule of Telegram is new',
  },
} as const satisfies Readonly<Record<string, CauseDefinition>>
export type LossCause = keyof typeof causes

type CauseDefinition = { readonly meaning: string; readonly check: string; readonly todo: string }

export const isLossCause = (text: string): text is LossCause => Object.hasOwn(causes, text)

/** The cause of a result that was lost; a reason without one does not compile. */
export const causeOfResult = (reason: LossReason): LossCause => `result_${reason}`
