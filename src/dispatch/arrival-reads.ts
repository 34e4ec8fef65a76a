import type { Reads } from '../conversation/screen.ts'
import type { ChatId, Lane, MessageId, PersonId } from '../kit/ids.ts'
import type { ShopDay } from '../money/amount.ts'
import type { Person } from '../people/person.ts'
import type { KeptSession } from './sessions.ts'

/**
 * What is known when an update of a person arrives: one read, outside of any transaction and without a lock. Nothing may
 * be concluded from it for money; the commit judges whether the conversation still is as it was read. A port.
 */
export type ArrivalReads = (ask: {
  readonly updateId: number
  readonly lane: Lane
  readonly person: PersonId
  readonly chat: ChatId
  readonly tapped?: MessageId
  readonly day: ShopDay
}) => Promise<SeenOnArrival>

export type SeenOnArrival = {
  /** The inbox has this update already. */
  readonly isKnown: boolean
  /** An earlier update of the lane is not handled yet. */
  readonly isAnyWaiting: boolean
  /** The tapped message shows one of the person's orders. */
  readonly ownsTapped: boolean
  readonly person?: Person
  /** Without its view, which stays as it is unless another one is drawn. */
  readonly kept?: KeptSession
  readonly reads: Pick<Reads, 'balance' | 'free'>
}
