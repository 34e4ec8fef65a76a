import type { View } from '../conversation/view.ts'
import type { KeptSession } from '../dispatch/sessions.ts'
import type { Instant } from '../kit/clock.ts'
import type { ChatId, MessageId } from '../kit/ids.ts'

/**
 * What became of showing a screen. A note is about one revision: when a newer one was saved meanwhile, only the message
 * that Telegram made is of use. Notes survive our death and need not survive a power cut: the screen is shown once more.
 * A port, implemented by `storage/postgres/screen-notes.ts`.
 */
export interface ScreenNotes {
  /**
   * Telegram took this drawing, of this revision, into this message. While the conversation has gone on and nothing else
   * was drawn, its newer revision is shown by that, too. An edit is noted with others a little later: should the note be
   * lost, the same edit is made once more, and that is none.
   */
  shown(
    note: Noted & {
      readonly view: View
      readonly thread: number
      readonly message: MessageId
      readonly isEdit: boolean
    },
  ): Promise<void>
  /** Not shown: to be shown again at `at`. */
  later(note: Noted & { readonly tries: number; readonly at: Instant }): Promise<void>
  /** Telegram refuses it for good. */
  givenUp(note: Noted): Promise<void>
  /** Conversations whose newest drawing is due to be shown. */
  due(now: Instant, max: number): Promise<readonly ChatId[]>
  /** The conversation as it is now, and how often showing it has failed; undefined when nothing is due any more. */
  dueIn(chat: ChatId, now: Instant): Promise<{ readonly kept: KeptSession; readonly tries: number } | undefined>
}

/** A screen is shown by the program that drew it within this time (a call has ten seconds); later by `showDue`. */
export const showWithinMs = 12_000

type Noted = { readonly chat: ChatId; readonly revision: number }
