import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Message, type Person, until } from '../fixtures/person.ts'
import { checkBooks, checkLogs, checkLogsOfTwo, checkPerson, checkShop, untilQuiet } from './books.ts'
import type { End } from './channel.ts'
import { patienceIsOver } from './die.ts'
import { freePicture } from './journeys.ts'
import { endOf, type Life } from './life.ts'
import { openShop, type Shop } from './shop.ts'
import { lead, standBy } from './standby.ts'

/**
 * Deaths on the way of an update that is handled on its arrival: one commit takes it in and saves its effect, and the
 * edit of the tapped message leaves beside that commit. Each shop is a new one, because after a death every update is
 * stored before it is handled.
 */
const nothing = { prompts: [], again: 0, paidIn: 0 }

async function inShop(work: (shop: Shop) => Promise<void>): Promise<void> {
  const shop = await openShop()
  try {
    await work(shop)
  } finally {
    await shop.end()
  }
}

/** Somebody with the menu before them, and nothing in hand. */
async function atTheMenu(shop: Shop): Promise<{ readonly person: Person; readonly menu: Message }> {
  const person = await shop.person()
  await person.says('/start')
  const menu = await person.sees(/Привет/)
  await untilQuiet(shop)
  return { person, menu }
}

/** Holds what would be stored; reads go on. */
async function holdCommits({ db }: Shop): Promise<() => Promise<void>> {
  const client = await db.connect()
  await client.query('begin; lock table inbox in share row exclusive mode')
  return async () => {
    await client.query('rollback')
    client.release()
  }
}

const WAITING = `
  select pid from pg_stat_activity
   where datname = current_database() and wait_event_type = 'Lock' and query like '%/* store %'`
const waiting = async ({ db }: Shop) => (await db.query<{ pid: number }>(WAITING)).rows.map(({ pid }) => pid)
const edits = async ({ controls }: Shop) => await controls.calls('editMessageText')
const untilEdited = (shop: Shop, times: number) =>
  until(async () => (await edits(shop)).length >= times, `${times} edits have left`)

async function kill(life: Life): Promise<void> {
  life.signal('SIGKILL')
  await life.ended
}
async function nextLife(shop: Shop, end?: End): Promise<Life> {
  const life = shop.begin(end === undefined ? {} : { end })
  if (end === undefined) await life.works()
  return life
}

const killAt = (point: string, crossing = 1): End => ({ point, crossing, signal: 'SIGKILL' })

/** An edit that Telegram neither makes nor answers before the bot is dead. */
const loseAnEdit = ({ controls }: Shop) =>
  controls.fault({ on: 'telegram', method: 'editMessageText', status: 502, delay_ms: 600_000 })

/** Else the commit may be quicker than the connection of the edit, and the next life would lose its own. */
const untilFaultsAreMet = ({ controls }: Shop) =>
  until(async () => (await controls.faults()).length === 0, 'every planned fault was met')

const unseen = async ({ db }: Shop) =>
  (await db.query('select 1 from sessions where shown_revision < revision')).rows.length

test('deaths where an update is handled on its arrival', { concurrency: 2 }, async (t) => {
  await Promise.all([
    t.test(
      'after the edit has left and before anything is committed: the same edit is made again, and once is enough',
      () =>
        inShop(async (shop) => {
          const life = await nextLife(shop)
          const { person, menu } = await atTheMenu(shop)
          const release = await holdCommits(shop)
          await person.tapsAndGoes('Баланс', menu)
          await untilEdited(shop, 1)
          await until(async () => (await waiting(shop)).length === 1, 'the commit has begun')
          await kill(life)
          // As a machine dies that holds both.
          await shop.db.query('select pg_terminate_backend($1)', await waiting(shop))
          await release()
          assert.equal((await shop.db.query('select 1 from inbox')).rows.length, 1, 'only /start was stored')

          await nextLife(shop)
          await patienceIsOver(shop)
          await untilEdited(shop, 2)
          await checkBooks(shop, person, nothing)
          const texts = (await edits(shop)).map(({ params }) => params['text'])
          assert.deepEqual(texts, [texts[0], texts[0]])
          checkLogs(shop.lives)
        }),
    ),

    t.test('inside of a commit that several updates share: each of them is handled once', () =>
      inShop(async (shop) => {
        const life = await nextLife(shop)
        const people: Awaited<ReturnType<typeof atTheMenu>>[] = []
        for (let n = 0; n < 4; n++) people.push(await atTheMenu(shop))
        const [first, ...others] = people
        assert.ok(first)
        const release = await holdCommits(shop)
        await first.person.tapsAndGoes('Баланс', first.menu)
        await until(async () => (await waiting(shop)).length === 1, 'the first commit has begun')
        await Promise.all(others.map(({ person, menu }) => person.tapsAndGoes('Баланс', menu)))
        await untilEdited(shop, 4)
        const held = holdCommits(shop)
        await until(async () => {
          const { rows } = await shop.db.query(`select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%lock table inbox%'`)
          return rows.length === 1
        }, 'the next commit will be held as well')
        await release()
        const releaseOthers = await held
        await until(async () => (await waiting(shop)).length === 1, 'the shared commit has begun')
        await kill(life)
        await releaseOthers()
        await until(async () => (await waiting(shop)).length === 0, 'the database has executed what it was sent')

        await nextLife(shop)
        await patienceIsOver(shop)
        await untilQuiet(shop)
        for (const { person } of people) await checkPerson(shop, person, nothing)
        await until(async () => (await unseen(shop)) === 0, 'every screen is shown')
        await checkShop(shop)
        const { rows } = await shop.db.query<{ items: number; commits: number }>(
          `select count(*)::int as items, count(distinct cid)::int as commits from sessions where revision = 2`,
        )
        assert.deepEqual(rows, [{ items: 4, commits: 4 }], 'each tap moved its conversation once')
        checkLogs(shop.lives)
      }),
    ),

    t.test('after the commit, while the edit is not answered: the next start shows what was saved', () =>
      inShop(async (shop) => {
        const life = await nextLife(shop)
        const { person, menu } = await atTheMenu(shop)
        await loseAnEdit(shop)
        await life.endAt(killAt('after:inbox.handle'))
        const release = await holdCommits(shop)
        await person.tapsAndGoes('Баланс', menu)
        await untilFaultsAreMet(shop)
        await release()
        await endOf(life)
        assert.equal(await unseen(shop), 1, 'it is saved and not shown')

        // The next one dies where it looks what that is.
        await endOf(await nextLife(shop, killAt('before:screenNotes.dueIn')))
        await nextLife(shop)
        await patienceIsOver(shop)
        await person.sees(/баланс/i)
        await until(async () => (await unseen(shop)) === 0, 'it is shown')
        await checkBooks(shop, person, nothing)
        checkLogs(shop.lives)
      }),
    ),

    t.test('after the commit, while the edit is not answered: the one that takes over shows what was saved', () =>
      inShop(async (shop) => {
        const leader = await lead(shop, { publicPort: shop.port })
        const heir = await standBy(shop)
        const { person, menu } = await atTheMenu(shop)
        await loseAnEdit(shop)
        await leader.endAt(killAt('after:inbox.handle'))
        const release = await holdCommits(shop)
        await person.tapsAndGoes('Баланс', menu)
        await untilFaultsAreMet(shop)
        await release()
        await endOf(leader)
        assert.equal(await unseen(shop), 1, 'it is saved and not shown')
        await heir.works()
        await person.sees(/баланс/i)
        await until(async () => (await unseen(shop)) === 0, 'it is shown')
        await patienceIsOver(shop)
        await checkBooks(shop, person, nothing)
        checkLogsOfTwo(shop.lives, ['LOCK_HOLDER_ENDED'])
      }),
    ),

    t.test('in a step, and again where the interrupted update is claimed', () =>
      inShop(async (shop) => {
        const life = await nextLife(shop)
        const person = await shop.person()
        await life.endAt({ ...killAt('left:store.transact'), since: 'after:inbox.store' })
        const walking = freePicture.walk(person, shop)
        // Awaited below; what fails before that is reported first.
        walking.catch(() => undefined)
        await endOf(life)
        await endOf(await nextLife(shop, killAt('before:claims.claimInterrupted')))
        await endOf(await nextLife(shop, killAt('after:claims.claimInterrupted')))
        await nextLife(shop)
        await patienceIsOver(shop)
        await checkBooks(shop, person, await walking, 3)
        checkLogs(shop.lives)
      }),
    ),
  ])
})
