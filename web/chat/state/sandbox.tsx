import { createContext, type ReactNode, use, useSyncExternalStore } from 'react'
import { type Api, type ChatOf, createApi } from '../api/client.ts'
import { Feed } from '../api/feed.ts'
import { ChatStore } from './chat-store.ts'
import { WorldStore } from './world-store.ts'

/** The page's one line to the sandbox: its calls, its feed, and what is known of its chats and people. */
export interface SandboxLine {
  readonly api: Api
  readonly feed: Feed
  readonly world: WorldStore
  chat(of: ChatOf): ChatStore
}

export function connectSandbox(root: string): SandboxLine {
  const api = createApi(root)
  const feed = new Feed(`${root}/events`)
  const world = new WorldStore(api)
  const chats = new Map<string, ChatStore>()
  feed.listen((event) => {
    world.hear(event)
    if ('person' in event) chats.get(keyOf(event))?.hear(event)
    else for (const chat of chats.values()) chat.hear(event)
  })
  return {
    api,
    feed,
    world,
    chat(of) {
      const known = chats.get(keyOf(of))
      if (known !== undefined) return known
      const made = new ChatStore(api, of, localStorage)
      chats.set(keyOf(of), made)
      return made
    },
  }
}

const keyOf = ({ bot, person }: ChatOf) => `${bot}:${person}`

const Line = createContext<SandboxLine | undefined>(undefined)

export function SandboxProvider({ line, children }: { readonly line: SandboxLine; readonly children: ReactNode }) {
  return <Line value={line}>{children}</Line>
}

export function useSandbox(): SandboxLine {
  const line = use(Line)
  if (line === undefined) throw new Error('useSandbox is used outside of SandboxProvider')
  return line
}

export function useWorld() {
  const { world } = useSandbox()
  return useSyncExternalStore(world.subscribe, world.snapshot)
}

export function useChat(of: ChatOf) {
  const store = useSandbox().chat(of)
  return { store, ...useSyncExternalStore(store.subscribe, store.snapshot) }
}
