/**
 * How a call to the outside ended. `unknown` means that bytes may have arrived and no answer came back: it is never a
 * failure, never a success, and never a reason to ask again when asking costs money.
 *
 * `why` is a short code to switch over; `detail` is for the operator and has been through redaction.
 */
export type Outcome<T, Why extends string = string> =
  | { readonly kind: 'done'; readonly value: T }
  | NotDone<Why>
  | { readonly kind: 'unknown'; readonly detail: string }

export type NotDone<Why extends string = string> = {
  readonly kind: 'not_done'
  readonly why: Why
  readonly detail: string
  readonly retry: Retry
  /** What was asked for, by the name that the other side has for it: `sendMessage`. */
  readonly method?: string
}

/** Whether the same call may succeed later; `afterMs` when the other side named the wait. */
export type Retry = { readonly when: 'never' } | { readonly when: 'later'; readonly afterMs?: number }

export const done = <T>(value: T): Outcome<T, never> => ({ kind: 'done', value })
export const never = <Why extends string>(why: Why, detail: string, method?: string): Outcome<never, Why> => ({
  kind: 'not_done',
  why,
  detail,
  retry: { when: 'never' },
  ...(method === undefined ? {} : { method }),
})
export const later = <Why extends string>(why: Why, detail: string, afterMs?: number): Outcome<never, Why> => ({
  kind: 'not_done',
  why,
  detail,
  retry: afterMs === undefined ? { when: 'later' } : { when: 'later', afterMs },
})
export const unknown = (detail: string): Outcome<never, never> => ({ kind: 'unknown', detail })
