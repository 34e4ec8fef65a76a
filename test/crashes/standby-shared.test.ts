import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { type Person, until } from '../fixtures/person.ts'
import { checkBooks, checkLogsOfTwo, untilQuiet } from './books.ts'
import type { End } from './channel.ts'
import { settleInterrupted } from './die.ts'
import { freePicture, topUp } from './journeys.ts'
import type { Life } from './life.ts'
import { openShop, type Shop } from './shop.ts'
import { endWell, isAnswered, lead, oneLeads, standBy } from './standby.ts'

/**
 * Instances that share the work. Telegram brings everything to the one that does not lead, which handles it itself; when
 * it dies or freezes, the leader has what it had in hand within seconds.
 */
async function inShop(work: (shop: Shop) => Promise<void>): Promise<void> {
  const shop = await openShop({ WORK: 'shared' })
  try {
    await work(shop)
  } finally {
    await shop.end()
  }
}

const endsAt: readonly (readonly [string, number])[] = [
  ['left:store.transact', 6],
  ['before:kie.submit', 1],
  ['before:chat.sendFile', 1],
]
/** While a step of the frozen one is open, declaring it dead waits and is tried again. */
const explained = [
  'INSTANCE_REVIVED',
  'DISPATCH_FAIL',
  'EXCEPTION_CAUGHT',
  'DB_CONNECTION_LOST',
  'DUTY_FAILED',
  'RESULT_NOT_DELIVERED',
  'LOCK_LOST',
  'LOCK_HOLDER_ENDED',
] as const

test('instances that share the work', { concurrency: 3 }, async (t) => {
  await Promise.all([
    t.test('handle what they store, whoever leads, and the leader alone keeps the webhook', () =>
      inShop(async (shop) => {
        const [leader, other] = [await lead(shop), await standBy(shop)]
        for (const journey of [freePicture, topUp]) {
          const person = await shop.person()
          await checkBooks(shop, person, await journey.walk(person, shop))
        }
        const did = (event: string) =>
          [leader, other].map(({ lines }) => lines.filter((line) => line.includes(`] ${event} `)).length)
        assert.deepEqual(did('WEBHOOK_SET'), [1, 0])
        const [ofLeader = 0, ofOther = 0] = did('DISPATCH_OK')
        assert.ok(ofOther > ofLeader + 8, `whoever is brought them handles nearly all: ${ofOther} and ${ofLeader}`)
        checkLogsOfTwo([leader, other])
        await endWell([leader, other])
      }),
    ),

    ...endsAt.map(([point, crossing]) =>
      t.test(`lose nothing when the one that comes to ${point} is killed there`, () =>
        inShop(async (shop) => {
          const both = [await lead(shop), await standBy(shop)]
          const person = await shop.person()
          const { walking, dead, alive } = await walkUntil(shop, person, both, { point, crossing })
          dead.signal('SIGKILL')
          await dead.ended
          // Whoever has its address next takes what is brought there.
          const next = await standBy(shop, dead === both[0] ? { port: shop.port } : {})
          await alive.tells(/INSTANCE_DECLARED_DEAD/)
          await settleInterrupted(shop)
          await checkBooks(shop, person, await walking)
          checkLogsOfTwo([...both, next], explained)
          await endWell([alive, next])
        }),
      ),
    ),

    ...endsAt.slice(0, 2).map(([point, crossing]) =>
      t.test(`lose and double nothing when the one that comes to ${point} is frozen there, and goes on`, () =>
        inShop(async (shop) => {
          const both = [await lead(shop), await standBy(shop)]
          const person = await shop.person()
          const { walking, dead, alive } = await walkUntil(shop, person, both, { point, crossing })
          await alive.tells(/INSTANCE_DECLARED_DEAD/)
          dead.signal('SIGCONT')
          await dead.tells(/INSTANCE_REVIVED/)
          await settleInterrupted(shop)
          const asked = await walking
          await untilQuiet(shop)
          // That the world broke a step is noted beside its update.
          await shop.db.query('update inbox set last_error = null')
          await checkBooks(shop, person, asked)
          checkLogsOfTwo(both, explained)
          await isAnswered(person)
          await endWell(both)
        }),
      ),
    ),

    t.test('choose another leader when theirs is killed, and go on working meanwhile', () =>
      inShop(async (shop) => {
        const [leader, other] = [await lead(shop), await standBy(shop)]
        const person = await shop.person()
        await isAnswered(person)
        leader.signal('SIGKILL')
        await leader.ended
        // Whoever works need not lead.
        await isAnswered(person)
        assert.equal(await oneLeads([leader, other]), other)
        await other.tells(/DUTIES_STARTED/)
        await until(async () => (await living(shop)) === 1, 'the dead is declared dead')
        await isAnswered(person)
        await endWell([other])
      }),
    ),
  ])
})

/** A person walks to a picture until one of the two comes to that point and stands still there. The other goes on. */
async function walkUntil(shop: Shop, person: Person, both: readonly Life[], where: Omit<End, 'signal'>) {
  await Promise.all(both.map((life) => life.endAt({ ...where, signal: 'SIGSTOP' })))
  const walking = freePicture.walk(person, shop)
  // Awaited by the caller; a failure before that is reported first.
  walking.catch(() => undefined)
  await until(() => both.some(isStopped), `one of them came to ${where.point}`)
  const dead = both.find(isStopped)
  const alive = both.find((life) => life !== dead)
  assert.ok(dead && alive)
  // It may have come there as well.
  alive.signal('SIGCONT')
  assert.ok(await alive.spare())
  return { walking, dead, alive }
}

const isStopped = ({ pid }: Life): boolean =>
  spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.startsWith('T')

async function living({ db }: Shop): Promise<number | undefined> {
  return (await db.query<{ n: number }>('select count(*)::int as n from instances')).rows[0]?.n
}
