import type { Sender } from '../inbox/update.ts'
import type { Instant } from '../kit/clock.ts'
import { languageOf, type Person } from '../people/person.ts'
import type { Tx } from '../store.ts'

/** The person as we know them, brought up to date; who writes has not blocked the bot. */
export async function greet(tx: Tx, sender: Sender, known: Person | undefined, now: Instant): Promise<Person> {
  const language = known?.languageChosen ? known.language : languageOf(sender.languageCode)
  const person: Person = {
    id: sender.id,
    language,
    languageChosen: known?.languageChosen ?? false,
    firstName: sender.firstName,
    firstSeenAt: known?.firstSeenAt ?? now,
    ...(sender.username === undefined ? {} : { username: sender.username }),
    ...(known?.bannedAt === undefined ? {} : { bannedAt: known.bannedAt }),
  }
  if (known === undefined || !samePerson(known, person)) await tx.people.save(person)
  return person
}

/** The same for one who was not looked up yet. */
export const meet = async (tx: Tx, sender: Sender, now: Instant): Promise<Person> =>
  await greet(tx, sender, await tx.people.get(sender.id), now)

const samePerson = (a: Person, b: Person): boolean =>
  a.language === b.language &&
  a.firstName === b.firstName &&
  a.username === b.username &&
  a.blockedBotAt === b.blockedBotAt &&
  a.bannedAt === b.bannedAt
