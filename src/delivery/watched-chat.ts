import { later, type Outcome } from '../kit/outcome.ts'
import type { ChatGateway, ChatNo } from './chat-gateway.ts'
import type { TelegramBreaker } from './telegram-breaker.ts'

/** Taps whose answers are remembered; the second handling of one follows within seconds. */
const answersMax = 1_000

/**
 * The chat gateway as the service uses it: every call tells the breaker how it ended, and while the breaker is open no
 * call is made. Such a call ends as `unreachable`, with the wait, and has certainly not been sent.
 *
 * A tap is answered once: one whose conversation moved while it was answered on its arrival is handled again, and Telegram
 * calls the second answer too old.
 */
export function createWatchedChat(chat: ChatGateway, breaker: Pick<TelegramBreaker, 'waitMs' | 'note'>): ChatGateway {
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

  const answerTap = watched(chat.answerTap)
  const answers = new Map<string, ReturnType<ChatGateway['answerTap']>>()

  return {
    send: watched(chat.send),
    edit: watched(chat.edit),
    sendFile: watched(chat.sendFile),
    sendAgain: watched(chat.sendAgain),
    answerTap(tap, answer) {
      const before = answers.get(tap)
      if (before !== undefined) return before
      const answered = answerTap(tap, answer)
      answers.set(tap, answered)
      const [oldest] = answers.keys()
      if (answers.size > answersMax && oldest !== undefined) answers.delete(oldest)
      const forget = () => void answers.delete(tap)
      void answered.then(({ kind }) => kind !== 'done' && forget(), forget)
      return answered
    },
    sendInvoice: watched(chat.sendInvoice),
    refundStars: watched(chat.refundStars),
    // A file that does not come in time may only be large.
    fetchFile: watched(chat.fetchFile, ({ kind }) => kind !== 'unknown'),
    removeKeyboard: watched(chat.removeKeyboard),
    sayBusy: watched(chat.sayBusy),
  }
}
