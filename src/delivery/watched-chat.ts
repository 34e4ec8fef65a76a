import { later, type Outcome } from '../kit/outcome.ts'
import type { Breaker } from './breaker.ts'
import type { ChatGateway, ChatNo } from './chat-gateway.ts'

/**
 * The chat gateway as the service uses it: every call tells the breaker how it ended, and while the breaker is open no
 * call is made. Such a call ends as `unreachable`, with the wait, and has certainly not been sent.
 */
export function createWatchedChat(chat: ChatGateway, breaker: Pick<Breaker, 'waitMs' | 'note'>): ChatGateway {
  /** `proves`: whether the outcome says something about Telegram as a whole. */
  const watched =
    <Args extends readonly unknown[], T>(
      call: (...args: Args) => Promise<Outcome<T, ChatNo>>,
      proves: (outcome: Outcome<T, ChatNo>) => boolean = () => true,
    ) =>
    async (...args: Args): Promise<Outcome<T, ChatNo>> => {
      const waitMs = breaker.waitMs()
      if (waitMs !== undefined) return later('unreachable', 'Telegram is away; it was not called', waitMs)
      const outcome = await call(...args)
      if (proves(outcome)) breaker.note(outcome)
      return outcome
    }

  return {
    send: watched(chat.send),
    edit: watched(chat.edit),
    sendFile: watched(chat.sendFile),
    sendAgain: watched(chat.sendAgain),
    answerTap: watched(chat.answerTap),
    sendInvoice: watched(chat.sendInvoice),
    refundStars: watched(chat.refundStars),
    // A file that does not come in time may only be large.
    fetchFile: watched(chat.fetchFile, ({ kind }) => kind !== 'unknown'),
    sayBusy: watched(chat.sayBusy),
  }
}
