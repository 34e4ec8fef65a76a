import type { View } from '../../src/conversation/view.ts'
import type { ChatGateway, ChatNo } from '../../src/delivery/chat-gateway.ts'
import { type ChatId, type MessageId, messageId } from '../../src/kit/ids.ts'
import { done, type Outcome } from '../../src/kit/outcome.ts'

/** A call that the bot made to Telegram about a screen or a tap. */
export type Called =
  | { readonly call: 'send'; readonly chat: ChatId; readonly view: View }
  | { readonly call: 'edit'; readonly chat: ChatId; readonly message: MessageId; readonly view: View }
  | { readonly call: 'answerTap'; readonly tap: string }

/** A Telegram that takes everything, and writes down what it was asked for. */
export function createRecordingChat() {
  const calls: Called[] = []
  let messages = 0
  /** What the next calls about screens end with; `undefined` is the usual end. */
  const next: (() => Promise<Outcome<never, ChatNo> | undefined>)[] = []
  const chat: Pick<ChatGateway, 'send' | 'edit' | 'answerTap'> = {
    async send(to, view) {
      calls.push({ call: 'send', chat: to.chat, view })
      const refused = await next.shift()?.()
      if (refused !== undefined) return refused
      messages += 1
      return done({ message: messageId(messages) })
    },
    async edit(to, message, view) {
      calls.push({ call: 'edit', chat: to, message, view })
      return (await next.shift()?.()) ?? done({ message })
    },
    async answerTap(tap) {
      calls.push({ call: 'answerTap', tap })
      return done(true)
    },
  }
  return {
    chat,
    calls,
    next,
    /** How each screen was drawn, in order: `edit balance`. */
    drawn: () => calls.flatMap((each) => (each.call === 'answerTap' ? [] : [`${each.call} ${each.view.screen}`])),
    taps: () => calls.flatMap((each) => (each.call === 'answerTap' ? [each.tap] : [])),
  }
}
