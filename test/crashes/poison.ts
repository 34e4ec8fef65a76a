import type { InboxItem } from '../../src/inbox/inbox.ts'
import type { InboxId } from '../../src/kit/ids.ts'
import type { Ports } from '../../src/ports.ts'

/** The same ports; `die` is called when an update that holds this text is handled, on its arrival or in a step. */
export function poisoned(ports: Ports, text: string, die: () => void): Ports {
  const { inbox, claims, store } = ports
  const ids = new Set<InboxId>()
  const note = (item: InboxItem) => {
    if (item.body.includes(text)) ids.add(item.id)
  }
  return {
    ...ports,
    inbox: {
      ...inbox,
      async store(received, wish) {
        const stored = await inbox.store(received, wish)
        if (typeof stored === 'object') note(stored)
        return stored
      },
      async handle(received, step) {
        if (received.body.includes(text)) die()
        return await inbox.handle(received, step)
      },
    },
    claims: {
      ...claims,
      async claim(permit, wish) {
        const claimed = await claims.claim(permit, wish)
        claimed.items.forEach(note)
        return claimed
      },
      async claimInterrupted(permit, now) {
        const item = await claims.claimInterrupted(permit, now)
        if (item !== undefined) note(item)
        return item
      },
    },
    store: {
      transact: (permit, work) =>
        store.transact(permit, (tx) => {
          const mustFinish: typeof tx.inbox.mustFinish = async (id, at) => {
            if (ids.has(id)) die()
            await tx.inbox.mustFinish(id, at)
          }
          return work({ ...tx, inbox: { ...tx.inbox, mustFinish } })
        }),
    },
  }
}
