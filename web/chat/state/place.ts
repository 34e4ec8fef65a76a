import { useCallback, useSyncExternalStore } from 'react'

/** What is open, as the address says it: a reload, or a link in a README, leads to the same chats. */
export interface Place {
  readonly bot: number | undefined
  /** Side by side, from the left. */
  readonly people: readonly number[]
}

/** More do not fit a screen in a readable width. */
export const panesMax = 2

export function usePlace(): readonly [Place, (place: Place) => void] {
  const hash = useSyncExternalStore(onHashChange, () => location.hash)
  const go = useCallback((place: Place) => {
    location.hash = hashOf(place)
  }, [])
  return [parseHash(hash), go]
}

function parseHash(hash: string): Place {
  const query = new URLSearchParams(hash.slice(1))
  const people = (query.get('people') ?? '')
    .split(',')
    .filter((id) => /^\d+$/.test(id))
    .map(Number)
  const bot = Number(query.get('bot') ?? Number.NaN)
  return { bot: Number.isSafeInteger(bot) ? bot : undefined, people: [...new Set(people)].slice(0, panesMax) }
}

function hashOf({ bot, people }: Place): string {
  return [
    ...(bot === undefined ? [] : [`bot=${bot}`]),
    ...(people.length === 0 ? [] : [`people=${people.join(',')}`]),
  ].join('&')
}

function onHashChange(listener: () => void): () => void {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}
