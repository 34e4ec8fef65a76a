import { isSettled } from '../orders/order.ts'
import type { Address } from './address.ts'
import type { Need, Reaction, Seen } from './screen.ts'

/** What the slash commands do, anywhere. Those that begin something else leave the draft where it is. */
export function reactToCommand(seen: Seen, name: string): Reaction {
  const place = places.get(name.toLowerCase())
  if (place !== undefined) return { go: place }
  switch (name.toLowerCase()) {
    case 'reset':
      return hasBegun(seen) ? dropDraft : { go: { at: 'home' } }
    case 'cancel':
      return cancelWhatWasBegun(seen)
    case 'status':
      return showWhatRuns(seen)
    default:
      return { go: { at: 'home' }, notice: { type: 'unknown_command' } }
  }
}

/** What a command reads to react. */
export const needsOfCommand = (name: string): readonly Need[] =>
  ['cancel', 'status'].includes(name.toLowerCase()) ? ['orders'] : []

const places: ReadonlyMap<string, Address> = new Map<string, Address>([
  ['start', { at: 'home' }],
  ['menu', { at: 'home' }],
  ['help', { at: 'help' }],
  ['balance', { at: 'balance' }],
  ['history', { at: 'history', page: 0 }],
  ['language', { at: 'language' }],
  ['models', { at: 'shelf', shelf: 'image', page: 0 }],
  ['generate', { at: 'shelf', shelf: 'image', page: 0 }],
  ['support', { at: 'page', page: 'support' }],
  ['paysupport', { at: 'page', page: 'support' }],
  ['terms', { at: 'page', page: 'terms' }],
  ['privacy', { at: 'page', page: 'privacy' }],
])

const dropDraft: Reaction = { go: { at: 'home' }, draft: null, photos: null, notice: { type: 'draft_dropped' } }
const hasBegun = ({ session }: Seen) => session.draft !== undefined || session.photos !== undefined

function cancelWhatWasBegun(seen: Seen): Reaction {
  if (hasBegun(seen)) return dropDraft
  const running = newestRunning(seen)
  // The order's screen has the button, and the rule beside it.
  return running ?? { go: { at: 'home' }, notice: { type: 'nothing_to_cancel' } }
}

const showWhatRuns = (seen: Seen): Reaction => newestRunning(seen) ?? { go: { at: 'history', page: 0 } }

function newestRunning({ reads }: Seen): Reaction | undefined {
  const order = reads.orders?.find((each) => !isSettled(each))
  return order && { go: { at: 'order', order: order.id } }
}
