import type { Inbox } from '../../src/inbox/inbox.ts'
import type { IntakeDeps } from '../../src/intake/telegram-webhook.ts'

/** As an instance takes an update that does not work: it is stored, and that is all. */
export const storesInto =
  (inbox: Pick<Inbox, 'store'>): IntakeDeps['take'] =>
  async (received, onStored) => {
    onStored((await inbox.store(received)) === 'duplicate' ? 'duplicate' : 'stored')
  }
