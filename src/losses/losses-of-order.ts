import { unreachable } from '../kit/unreachable.ts'
import { type Kopecks, kopecks, shareOf } from '../money/amount.ts'
import type { Observation } from '../orders/decide.ts'
import { type Artifact, type Order, orderedOf, type Produced, type ReleaseReason } from '../orders/order.ts'
import { causeOfResult, type Loss, type LossCause } from './loss.ts'

type Change = { readonly before: Order; readonly next: Order; readonly seen: Observation }
type Found = Pick<Loss, 'cause' | 'result' | 'credits' | 'kopecks' | 'detail'>

/**
 * What an order lost when an observation changed it from `before` to `next`. Pure. The kopecks of all losses of one order
 * are what was given back of its price; the credits of its results are equal parts of what KIE took.
 */
export function lossesOf(change: Change): readonly Omit<Loss, 'at'>[] {
  const { id, person, cid } = change.next
  return [...wholeOrder(change), ...missingResults(change), ...lostResults(change)].map((found) => ({
    ...found,
    cid,
    order: id,
    person,
  }))
}

/** It ended before anything was made. */
function wholeOrder({ before, next, seen }: Change): readonly Found[] {
  if (next.status !== 'released' || before.status === 'released' || before.status === 'delivering') return []
  const credits = creditsOf(seen)
  const cause = causeOfRelease(next.reason, seen, credits)
  if (cause === undefined) return []
  const { price } = next
  return [
    {
      cause,
      ...(credits === undefined ? {} : { credits }),
      ...(price.unit === 'RUB' ? { kopecks: price.kopecks } : {}),
      detail: next.said ?? 'nobody said why',
    },
  ]
}

/** What KIE took, as far as it is known. */
function creditsOf(seen: Observation): string | undefined {
  if (seen.type === 'task_failed') return seen.credits
  // A definite no comes before anything is charged [kie-api 2].
  return seen.type === 'submit_refused' ? '0' : undefined
}

/** Undefined: nobody lost anything that should have been ours. */
function causeOfRelease(reason: ReleaseReason, seen: Observation, credits: string | undefined): LossCause | undefined {
  switch (reason) {
    case 'cancelled':
      return undefined
    case 'moderated':
      return Number(credits ?? 0) > 0 ? 'task_moderated' : undefined
    case 'inputs_refused':
    case 'input_lost':
      return reason
    case 'provider_unavailable':
      return 'not_bought'
    case 'generation_failed':
      return seen.type === 'task_made_nothing' ? 'task_empty' : 'task_failed'
    case 'never_confirmed':
      return 'task_unanswered'
    case 'lost':
      return 'task_silent'
    case 'undeliverable':
      // Each of its results is a loss by itself.
      return undefined
    default:
      return unreachable(reason, 'causeOfRelease')
  }
}

function missingResults({ before, next }: Change): readonly Found[] {
  if (next.status !== 'delivering' || before.status === 'delivering') return []
  const made = next.artifacts.length
  const ordered = orderedOf(next)
  if (made >= ordered) return []
  const { price } = next
  const missing =
    price.unit === 'RUB' ? { kopecks: kopecks(price.kopecks - shareOf(price.kopecks, made, ordered)) } : {}
  return [{ cause: 'result_missing', ...missing, detail: `KIE made ${made} of ${ordered} (task ${next.task})` }]
}

/** Results that were made and not brought, while the money for them was still open, or when it was given back. */
function lostResults({ before, next, seen }: Change): readonly Found[] {
  const isOpen = before.status === 'delivering'
  const isGivenBack = before.status === 'completed' && next.status === 'refunded' && seen.type === 'artifact_refused'
  if (!(isOpen || isGivenBack) || !('artifacts' in next) || next.artifacts === undefined) return []
  const { artifacts } = before
  // At the deadline what still waits is given up; when it was kept for somebody who is away, it is paid.
  const isOver = next.status !== 'delivering' && seen.type === 'deadline_passed'
  let left = isGivenBack ? artifacts.length : artifacts.filter(({ state }) => state !== 'lost').length
  const found: Found[] = []
  for (const [index, artifact] of next.artifacts.entries()) {
    const isKnown = !isGivenBack && artifacts[index]?.state === 'lost'
    const cause = isKnown ? undefined : causeOfLost(artifact, isOver)
    if (cause === undefined) continue
    const said = seen.type === 'artifact_refused' && seen.index === index ? seen.detail : undefined
    const detail = said ?? saidOf(artifact) ?? `from ${hostOf(artifact.url)}`
    found.push({ cause, result: index + 1, ...creditsOfOne(next), ...shareOfOne(next, left, artifacts.length), detail })
    left -= 1
  }
  return found
}

function causeOfLost(artifact: Artifact, isOver: boolean): LossCause | undefined {
  if (artifact.state === 'lost') return causeOfResult(artifact.reason)
  return artifact.state === 'waiting' && isOver ? 'result_late' : undefined
}

/** What the price loses when one of so many results that are left is lost. */
function shareOfOne({ price, ordered }: Order, left: number, made: number): { readonly kopecks?: Kopecks } {
  if (price.unit !== 'RUB') return {}
  const of = ordered ?? made
  const worth = (results: number) => (results === 0 ? 0 : shareOf(price.kopecks, results, of))
  return { kopecks: kopecks(worth(left) - worth(left - 1)) }
}

function creditsOfOne({ credits, artifacts = [] }: Partial<Produced>): { readonly credits?: string } {
  return credits === undefined ? {} : { credits: String(Number((Number(credits) / artifacts.length).toFixed(6))) }
}

const saidOf = (artifact: Artifact): string | undefined => (artifact.state === 'waiting' ? artifact.said : undefined)

const hostOf = (url: string): string => URL.parse(url)?.origin ?? 'something that is no address'
