import type { Session } from '../conversation/session.ts'
import type { View } from '../conversation/view.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChatId, Cid, MessageId } from '../kit/ids.ts'

/** A session as it is kept: with what is drawn, and where. */
export type KeptSession = {
  readonly session: Session
  /** A newer program wrote it, and not all of it could be read: the person is at home now, and should be told. */
  readonly isRestored?: boolean
  /** The newest drawing; what the person sees may still be an older one. */
  readonly view: View | undefined
  readonly cid: Cid
  /** Counts the messages that screens were drawn into. */
  readonly thread: number
  /** The message of this thread; unknown until Telegram took it. */
  readonly message: MessageId | undefined
  readonly shownRevision: number
}

/** Where conversations are kept. A port, used inside a step's transaction. */
export interface Sessions {
  /** Locks the row until the step ends. */
  lock(chat: ChatId): Promise<KeptSession | undefined>
  save(kept: KeptSession, at: Instant): Promise<void>
  get(chat: ChatId): Promise<KeptSession | undefined>
}
