import type { ChatId, Cid } from '../kit/ids.ts'
import type { Permit } from '../permit.ts'
import type { KeptSession } from './sessions.ts'

/**
 * Shows what was drawn. A screen that was saved and not shown is a state of its session (`shownRevision < revision`), so
 * nothing here is lost by a death: what is not shown is found and shown later. A port, implemented by
 * `delivery/show-screen.ts`.
 */
export interface Screens {
  /**
   * Edits the tapped message before the session is committed. Undefined when it must wait for the commit: there is no
   * message to edit, the chat is being called or has to wait, or the permit is not fresh.
   */
  showEarly(permit: Permit, kept: KeptSession): EarlyShow | undefined
  /** Shows what was committed. Of several drawings that wait for their turn at a chat only the newest is shown. */
  show(permit: Permit, kept: KeptSession): void
  /** Stops the spinner of a button, perhaps with a text. A lost answer is not repeated. */
  answerTap(permit: Permit, chat: ChatId, tap: TapAnswer): void
}
/** A call that is under way; one of the two must be said. */
export type EarlyShow = {
  /** The session was committed: what Telegram answers is noted. */
  committed(): void
  /** It was not: the update is handled again, and draws again. */
  dropped(): void
}
export type TapAnswer = { readonly id: string; readonly text?: string; readonly cid: Cid }
