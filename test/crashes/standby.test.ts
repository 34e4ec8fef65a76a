import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../fixtures/person.ts'
import { ownPostgres } from '../fixtures/postgres.ts'
import { checkLogsOfTwo } from './books.ts'
import { openShop, type Shop } from './shop.ts'
import { endWell, freezeOnTheWay, frozenAt, isAnswered, lead, oneLeads, standBy, times } from './standby.ts'

/** Several instances where PostgreSQL says who leads. */
async function inShop(work: (shop: Shop) => Promise<void>): Promise<void> {
  const shop = await openShop()
  try {
    await work(shop)
  } finally {
    await shop.end()
  }
}

test('several instances, led by PostgreSQL', { concurrency: 3 }, async (t) => {
  await Promise.all([
    ...frozenAt.map((end) =>
      t.test(`a leader that is frozen at ${end.point} is replaced, and writes nothing when it wakes up`, () =>
        inShop((shop) => freezeOnTheWay(shop, end)),
      ),
    ),

    t.test('what the one that stands by stores is handled by the leader at once', () =>
      inShop(async (shop) => {
        const leader = await lead(shop)
        const lives = [leader, await standBy(shop)]
        const person = await shop.person()
        await isAnswered(person)
        await leader.count()
        const rounds = 5
        for (let n = 0; n < rounds; n++) await isAnswered(person)
        // Rung for each of them, it did not have to look by itself.
        const { 'entered:listen': rings = 0 } = await leader.count()
        assert.ok(rings >= rounds, `${rings} rings for ${rounds} updates`)
        await endWell(lives)
        checkLogsOfTwo(lives)
      }),
    ),

    t.test('of ten that start at the same instant one leads, and after its death one of the others', () =>
      inShop(async (shop) => {
        // Each on any free port; nobody is written to here.
        const lives = Array.from({ length: 10 }, () => shop.begin({ times, port: 0, env: { DB_MAX_CONN: '6' } }))
        const first = await oneLeads(lives)
        first.signal('SIGKILL')
        await first.ended
        const second = await oneLeads(lives)
        assert.notEqual(second, first)
        await endWell(lives.filter((life) => life !== first))
      }),
    ),

    t.test('a leadership that was lost is won again, with its duties and the webhook', () =>
      inShop(async (shop) => {
        const life = shop.begin({ times })
        await life.works()
        const person = await shop.person()
        await isAnswered(person)
        const before = life.lines.length
        await shop.db.query('select pg_terminate_backend(backend_pid) from leadership')
        await life.tells(/ACTIVE_ENTER .*how=regained/)
        const since = () => life.lines.slice(before)
        await until(() => since().some((line) => line.includes('] DUTIES_STARTED')), 'its duties have begun again')
        assert.ok(since().some((line) => line.includes('] WEBHOOK_VERIFIED')))
        await isAnswered(await shop.person())
        await endWell([life])
      }),
    ),

    t.test('both outlive a restart of PostgreSQL, and one leads again', async () => {
      const postgres = await ownPostgres()
      const schema = 'restarted'
      const shop = await openShop({}, { url: postgres.url, schema, end: async () => {} })
      shop.db.on('error', () => undefined)
      try {
        const lives = [await lead(shop), await standBy(shop)]
        const person = await shop.person()
        await isAnswered(person)
        const before = lives.map((life) => life.lines.length)
        await postgres.stop()
        // Written while nobody can store it; Telegram keeps it.
        await person.says('/start')
        await Promise.all(lives.map((life) => life.tells(/DB_CONNECTION_LOST/)))
        await postgres.start()
        await until(
          () => lives.some(({ lines }, n) => lines.slice(before[n]).some((line) => /\] DUTIES_STARTED/.test(line))),
          'one of them leads again',
        )
        await person.sees(/Картинки и дизайн/)
        await isAnswered(await shop.person())
        assert.ok(lives.every((life) => !life.isOver()))
        await endWell(lives)
      } finally {
        await shop.end()
        await postgres.end()
      }
    }),
  ])
})
