import type { Sender } from '../inbox/update.ts'
import type { Instant } from '../kit/clock.ts'
import { languageOf, type Person } from '../people/person.ts'
import type { Tx } from '../store.ts'

/** The person as we know them, brought up to date; somebody who writes has not blocked the bot. Pure. */
export function greeted(sender: Sender, known: Person | undefined, now: Instant): Person {
  if (known === undefined) {
    const { id, firstName, username, languageCode } = sender
    const language = languageOf(languageCode)
    return { id, firstName, language, languageChosen: false, firstSeenAt: now, ...(username && { username }) }
  }
  const { blockedBotAt: _blocked, username: _former, ...kept } = known
  // An update without a language says nothing about the language, and one without a name nothing about the name.
  const isLanguageKept = known.languageChosen || (sender.languageCode ?? '') === ''
  return {
    ...kept,
    firstName: sender.firstName || known.firstName,
    language: isLanguageKept ? known.language : languageOf(sender.languageCode),
    ...(sender.username === undefined ? {} : { username: sender.username }),
  }
}

export async function greet(tx: Tx, sender: Sender, known: Person | undefined, now: Instant): Promise<Person> {
  const person = greeted(sender, known, now)
  if (known === undefined || !isSamePerson(known, person)) await tx.people.save(person)
  return person
}

/** The same for one who was not looked up yet. */
export const meet = async (tx: Tx, sender: Sender, now: Instant): Promise<Person> =>
  await greet(tx, sender, await tx.people.get(sender.id), now)

/** What `greeted` may change. */
export const isSamePerson = (a: Person, b: Person): boolean =>
  a.language === b.language &&
  a.firstName === b.firstName &&
  a.username === b.username &&
  a.blockedBotAt === b.blockedBotAt
