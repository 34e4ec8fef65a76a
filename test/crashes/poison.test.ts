import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Person, until } from '../fixtures/person.ts'
import { patienceIsOver } from './die.ts'
import { endOf, type Life } from './life.ts'
import { openShop, type Shop } from './shop.ts'
import { times } from './standby.ts'

/** An update that ends the process whenever it is handled, and people who have nothing to do with it. */
const poison = 'лиса, от которой всё падает'
const deadly = { times, poison }

const KEPT = `
  select interrupted, case when shelved_at is not null then 'shelved' when finished_at is null then 'waits' else 'finished' end as state
    from inbox where body like $1`
const kept = async ({ db }: Shop) =>
  (await db.query<{ interrupted: number; state: string }>(KEPT, [`%${poison}%`])).rows[0]

async function diesOfIt(life: Life): Promise<void> {
  assert.deepEqual(await endOf(life), { code: null, signal: 'SIGKILL' })
}

test('an update that ends the process is stored after the first death, handled alone, and shelved after five', async () => {
  const shop = await openShop()
  try {
    const first = shop.begin(deadly)
    await first.works()
    const people: Person[] = []
    for (let n = 0; n < 6; n++) people.push(await shop.person())
    for (const person of people) {
      await person.says('/start')
      await person.sees(/Привет/)
    }
    const [unlucky, ...others] = people
    assert.ok(unlucky)

    // On the light path it is not stored before it is handled: it leaves no trace, and Telegram brings it again.
    await unlucky.says(poison)
    await diesOfIt(first)
    assert.equal(await kept(shop), undefined)

    // Then it is stored first. Others are in hand in the moment of the next death.
    for (const person of others) await person.says('/help')
    const second = shop.begin(deadly)
    // It knows of the death from the moment it leads, so the update may end it before it has said that it works.
    await Promise.race([second.works().catch(() => undefined), second.ended])
    await patienceIsOver(shop)
    await diesOfIt(second)
    assert.deepEqual(await kept(shop), { state: 'waits', interrupted: 0 })

    // Known as interrupted it is handled alone, and ends its process as often as it may.
    for (let deaths = 2; deaths <= 5; deaths++) {
      const life = shop.begin(deadly)
      await diesOfIt(life)
      await until(async () => (await kept(shop))?.interrupted === deaths - 1, 'the death before it is known')
    }
    const last = shop.begin(deadly)
    await last.works()
    await unlucky.sees(/Что-то/)
    assert.deepEqual(await kept(shop), { state: 'shelved', interrupted: 5 })
    await patienceIsOver(shop)
    for (const person of others) await person.sees(/Как это работает|помощь/i)
    const { rows } = await shop.db.query(`select update_id from inbox where shelved_at is not null`)
    assert.equal(rows.length, 1, 'nobody else is shelved')
  } finally {
    await shop.end()
  }
})
