import type { Instant } from '../kit/clock.ts'
import type { PersonId } from '../kit/ids.ts'

/** Somebody who talks to the bot in a private chat. */
export type Person = {
  readonly id: PersonId
  readonly language: Language
  /** Chosen by hand; then Telegram's `language_code` does not change it any more. */
  readonly languageChosen: boolean
  readonly firstName: string
  readonly username?: string
  readonly firstSeenAt: Instant
  /** They blocked the bot: nothing is sent until they come back. */
  readonly blockedBotAt?: Instant
  /** The operator blocked them. */
  readonly bannedAt?: Instant
}

export type Language = 'ru' | 'en'

/** Russian unless Telegram says the person reads something else than a language of the former Soviet Union. */
export function languageOf(code: string | undefined): Language {
  if (code === undefined || code === '') return 'ru'
  const primary = code.toLowerCase().split('-')[0] ?? ''
  return ['ru', 'uk', 'be', 'kk', 'uz', 'ky', 'tg', 'tt', 'hy', 'az'].includes(primary) ? 'ru' : 'en'
}

/** Where people are kept. A port, used inside a step's transaction. */
export interface People {
  get(id: PersonId): Promise<Person | undefined>
  save(person: Person): Promise<void>
}
