import type { Kopecks } from '../money/amount.ts'

/** An expected no, shown to the person in their language; the text table is exhaustive (conversation/texts). */
export type Refusal =
  | { readonly code: 'not_enough_money'; readonly missing: Kopecks }
  | { readonly code: 'free_used_up' }
  | { readonly code: 'offer_withdrawn' }
  | { readonly code: 'quote_expired' }
  | { readonly code: 'not_sellable' }
  | { readonly code: 'too_many_running'; readonly limit: number }
  | { readonly code: 'selling_paused' }
  /** It costs more than KIE has left for us; others go on. */
  | { readonly code: 'offer_paused' }

/** Orders of one person that may run at the same time. */
export const runningOrdersMax = 5
