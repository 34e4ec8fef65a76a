/** What a button says that no longer belongs to anything: where the person is, is drawn again with a sentence above. */
import type { Reaction, Seen } from './screen.ts'

/** A button of a draft or quote that is not the current one, or of a conversation that was not kept. */
export function staleButton({ session, texts }: Seen): Reaction {
  // The first revision of a session is one that was made for this very tap: what the button knew is gone.
  const notice = session.revision === 0 ? { type: 'session_lost' as const } : { type: 'old_button' as const }
  return { notice, toast: texts.toasts.oldButton }
}

/** An order that is not there, or not this person's. */
export const orderNotFound = ({ texts }: Seen): Reaction => ({
  go: { at: 'home' },
  notice: { type: 'order_not_found' },
  toast: texts.toasts.oldButton,
})
