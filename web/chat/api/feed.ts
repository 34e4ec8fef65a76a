import { type FeedEvent, feedEvent, type TapAnswer } from './schema.ts'

export type Heard = FeedEvent | { readonly type: 'connected' } | { readonly type: 'lost' }

const answersKeptMax = 200

/**
 * The sandbox's live feed: one connection for the whole page. After a break it connects again by itself and tells its
 * listeners `connected`, so that they read again what they may have missed.
 */
export class Feed {
  readonly #listeners = new Set<(event: Heard) => void>()
  readonly #answers = new Map<string, TapAnswer>()

  constructor(url: string) {
    const source = new EventSource(url)
    source.onopen = () => this.#tell({ type: 'connected' })
    source.onerror = () => this.#tell({ type: 'lost' })
    source.onmessage = ({ data }) => {
      const parsed = feedEvent.safeParse(JSON.parse(String(data)))
      if (!parsed.success) return
      if (parsed.data.type === 'tap_answered') this.#keep(parsed.data.callback_query_id, parsed.data)
      this.#tell(parsed.data)
    }
  }

  /** Calls `listener` with all that is heard, until the returned function is called. */
  listen(listener: (event: Heard) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** The answer to a tap; undefined when the bot gives none within `ms`. It may have arrived before anyone asked. */
  answerTo(callbackQueryId: string, ms: number): Promise<TapAnswer | undefined> {
    const early = this.#answers.get(callbackQueryId)
    if (early !== undefined) return Promise.resolve(early)
    return new Promise((resolve) => {
      const settle = (answer: TapAnswer | undefined) => {
        stopListening()
        clearTimeout(timer)
        resolve(answer)
      }
      const timer = setTimeout(() => settle(undefined), ms)
      const stopListening = this.listen((event) => {
        if (event.type === 'tap_answered' && event.callback_query_id === callbackQueryId) settle(event)
      })
    })
  }

  #tell(event: Heard): void {
    for (const listener of this.#listeners) listener(event)
  }

  #keep(id: string, answer: TapAnswer): void {
    this.#answers.set(id, answer)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > answersKeptMax && oldest !== undefined) this.#answers.delete(oldest)
  }
}
