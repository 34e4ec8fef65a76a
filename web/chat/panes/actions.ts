import { createContext, use } from 'react'
import type { ChatOf } from '../api/client.ts'
import type { InlineButton, Media, Message } from '../api/schema.ts'

/** One picture as the viewer shows it. */
export interface Viewed {
  readonly media: Media
  readonly caption: string | undefined
}

/** What a person can do from within a message; given by the pane that shows the chat. */
export interface PaneActions {
  readonly chat: ChatOf
  readonly botName: string
  /** A message of this chat that is still there. */
  find(messageId: number): Message | undefined
  say(text: string): void
  /** Presses an inline button; resolves when the bot has answered or Telegram would have stopped waiting. */
  press(message: Message, button: InlineButton): Promise<void>
  view(pictures: readonly Viewed[], index: number): void
}

export const PaneActionsContext = createContext<PaneActions | undefined>(undefined)

export function usePaneActions(): PaneActions {
  const actions = use(PaneActionsContext)
  if (actions === undefined) throw new Error('usePaneActions is used outside of a pane')
  return actions
}
