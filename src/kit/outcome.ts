/**
 * How a call to the outside ended. `unknown` means that bytes may have arrived and no answer came back: it is never a
 * failure, never a success, and never a reason to ask again when asking costs money.
 */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'not_done'; readonly why: string; readonly retry: Retry }
  | { readonly kind: 'unknown'; readonly why: string }

/** Whether the same call may succeed later; `at` when the other side named the moment (ms to wait from now). */
export type Retry = { readonly when: 'never' } | { readonly when: 'later'; readonly afterMs?: number }

export const done = <T>(value: T): Outcome<T> => ({ kind: 'done', value })
export const never = (why: string): Outcome<never> => ({ kind: 'not_done', why, retry: { when: 'never' } })
export const later = (why: string, afterMs?: number): Outcome<never> => ({
  kind: 'not_done',
  why,
  retry: afterMs === undefined ? { when: 'later' } : { when: 'later', afterMs },
})
export const unknown = (why: string): Outcome<never> => ({ kind: 'unknown', why })
