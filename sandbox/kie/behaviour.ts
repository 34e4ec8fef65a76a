/**
 * How the emulated KIE treats the tasks that are created from now on; set by `PUT /sandbox/v1/kie/behaviour`, where a field
 * that is not named keeps its value and `null` returns it to its default. Kept on the shelf, forgotten by a reset.
 */
import { z } from 'zod'
import type { Shelf } from '../world.ts'

const fields = {
  /** Virtual time from creation to the end of a task; null: three to six seconds, by the task. */
  latency_ms: z
    .number()
    .int()
    .min(0)
    .max(30 * 24 * 3_600_000)
    .nullable(),
  outcome: z.enum(['success', 'fail', 'moderated']),
  fail_code: z.string().nullable(),
  fail_msg: z.string().nullable(),
  callback: z.enum(['normal', 'never', 'duplicate', 'late', 'forged']),
  /** `lost_answer`: the task is created and the connection is cut before its answer. */
  submit: z.enum(['normal', 'lost_answer']),
  /** Signs every callback, as a key generated in KIE's settings does. */
  webhook_hmac_key: z.string().min(1).nullable(),
  /** What a result URL gives instead of its picture; `huge` is 60 MB. */
  result_url: z.enum(['normal', 'forbidden', 'html', 'huge']),
  /** The so-many-th result of a task, from 1, is not found under its URL, nor under a fresh link; null: all are. */
  dead_result: z.number().int().min(1).nullable(),
  /** A record names at most so many results, the first ones; null: all of them. */
  results_max: z.number().int().min(0).nullable(),
  /** `objects`: a record names its results in a shape that KIE's documents do not have. */
  result_list: z.enum(['urls', 'objects']),
  /** What a record calls the state of any task, as if KIE had a word that its documents do not have; null: the truth. */
  state_word: z.string().min(1).nullable(),
}

const behaviour = z.strictObject(fields)
export type Behaviour = z.infer<typeof behaviour>

/** A change as the control API takes it. */
export const behaviourChange = z.strictObject({
  latency_ms: fields.latency_ms.optional(),
  outcome: fields.outcome.nullish(),
  fail_code: fields.fail_code.optional(),
  fail_msg: fields.fail_msg.optional(),
  callback: fields.callback.nullish(),
  submit: fields.submit.nullish(),
  webhook_hmac_key: fields.webhook_hmac_key.optional(),
  result_url: fields.result_url.nullish(),
  dead_result: fields.dead_result.optional(),
  results_max: fields.results_max.optional(),
  result_list: fields.result_list.nullish(),
  state_word: fields.state_word.optional(),
})

const defaults: Behaviour = {
  latency_ms: null,
  outcome: 'success',
  fail_code: null,
  fail_msg: null,
  callback: 'normal',
  submit: 'normal',
  webhook_hmac_key: null,
  result_url: 'normal',
  dead_result: null,
  results_max: null,
  result_list: 'urls',
  state_word: null,
}

const shelfKey = 'kie/behaviour'

export function createBehaviour(shelf: Shelf) {
  const now = (): Behaviour => behaviour.safeParse(shelf.get(shelfKey)).data ?? defaults
  return {
    now,
    change(wish: z.infer<typeof behaviourChange>): Behaviour {
      const kept = now()
      const next = behaviour.parse({
        ...kept,
        ...Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== null && value !== undefined)),
        ...Object.fromEntries(
          Object.entries(defaults).filter(([name]) => name in wish && Reflect.get(wish, name) === null),
        ),
      })
      shelf.put(shelfKey, next)
      return next
    },
  }
}
