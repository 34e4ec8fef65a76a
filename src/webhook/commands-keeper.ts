import type { Clock } from '../kit/clock.ts'
import type { PersonId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { LeaderDuty } from '../lifecycle/duties.ts'
import type { Language } from '../people/person.ts'

/**
 * Sets the commands of the menu button once each time this instance becomes ACTIVE; tried again until Telegram took them.
 *
 * Telegram shows a person the narrowest list there is: of their chat, of private chats, then the default one, each in
 * their language before the one without a language [core.telegram.org/bots/api#determining-list-of-commands]. Another
 * program that had this token may have left narrower ones, so they are deleted. Of single chats only those of the
 * operators are looked at: nobody can ask Telegram for the others, and a list for one chat is made for operators.
 */
export type CommandsKeeperDeps = {
  readonly telegram: {
    setMyCommands(commands: BotCommands, language?: Language): Promise<Outcome<true>>
    deleteMyCommands(scope: CommandScope, language?: Language): Promise<Outcome<true>>
  }
  /** The list of a language. The English one is for everybody who has none. */
  readonly commandsFor: (language: Language) => BotCommands
  readonly operators: readonly PersonId[]
  readonly clock: Clock
}
type BotCommands = readonly { readonly command: string; readonly description: string }[]
/** Whom a list of commands is for; a person means their chat with the bot. */
export type CommandScope = 'default' | 'all_private_chats' | 'all_group_chats' | 'all_chat_administrators' | PersonId

const anyLanguage = [undefined, 'en', 'ru'] as const

export function createCommandsKeeper({ telegram, commandsFor, operators, clock }: CommandsKeeperDeps): LeaderDuty {
  /** False when something is to be tried again; what Telegram refuses for good (a chat that it does not know) is not. */
  async function set(signal: AbortSignal): Promise<boolean> {
    const narrower: readonly CommandScope[] = [
      'all_private_chats',
      'all_group_chats',
      'all_chat_administrators',
      ...operators,
    ]
    const calls = [
      () => telegram.setMyCommands(commandsFor('en')),
      () => telegram.setMyCommands(commandsFor('ru'), 'ru'),
      () => telegram.deleteMyCommands('default', 'en'),
      ...narrower.flatMap((scope) => anyLanguage.map((language) => () => telegram.deleteMyCommands(scope, language))),
    ]
    let isSet = true
    for (const call of calls) {
      if (signal.aborted) return false
      const outcome = await call()
      isSet &&= outcome.kind === 'done' || (outcome.kind === 'not_done' && outcome.retry.when === 'never')
    }
    return isSet
  }
  return {
    name: 'commands',
    async run(_, signal) {
      while (!signal.aborted && !(await set(signal))) await clock.sleep(againMs, signal)
    },
  }
}

const againMs = 60_000
