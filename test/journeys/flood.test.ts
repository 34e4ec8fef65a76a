import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from 'pg'
import { patience } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'

/**
 * One person writes a thousand messages while fifty others use the bot. What is promised without a clock: nothing is
 * lost, the lane keeps its order, and the others are served while it still has work. How much slower they get is a
 * figure of `bench/`.
 */
test('a thousand messages of one person are all handled in their order, and hold up none of fifty others', async () => {
  const world = await startWorld()
  const { log } = world
  try {
    const flooder = await world.person('Спамер')
    const others = await Promise.all(Array.from({ length: 50 }, (_, n) => world.person(`Гость ${n}`)))
    const messages = 1_000
    const firstId = 500_000
    let next = 0
    const flood = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (next < messages) {
          next += 1
          const answer = await world.deliver(textOf(flooder.id, firstId + next))
          assert.equal(answer.status, 200)
        }
      }),
    )
    await Promise.all([
      flood,
      ...others.map(async (guest) => {
        await guest.says('/start')
        await guest.sees(/Привет, Гость/, { withinMs: patience(60_000) })
        await guest.taps('Помощь')
        await guest.sees(/Как это работает/, { withinMs: patience(60_000) })
      }),
    ])
    const ofFlood = new Set(cidsOf(flooder.id))
    assert.equal(ofFlood.size, messages)
    const handled = () =>
      log.events.filter((told) => told.event === 'DISPATCH_OK').map(({ fields }) => String(fields['cid']))
    const left = () => handled().filter((cid) => ofFlood.has(cid)).length < messages
    await until(() => !left(), 'all of the flood is handled', patience(120_000))

    const order = handled()
    assert.deepEqual(
      order.filter((cid) => ofFlood.has(cid)),
      await arrivalsOf(flooder.id),
      'in the order in which they were stored',
    )
    const lastOfOthers = Math.max(...others.flatMap(({ id }) => cidsOf(id)).map((cid) => order.indexOf(cid)))
    const leftThen = order.slice(lastOfOthers).filter((cid) => ofFlood.has(cid)).length
    assert.ok(leftThen > 0, 'the others were done before the flood was')
    await flooder.says('/help')
    await flooder.sees(/Как это работает/)
  } finally {
    await world.end()
  }

  function cidsOf(person: number): readonly string[] {
    return log.events
      .filter(({ event, fields }) => event === 'UPDATE_RECEIVED' && fields['user_id'] === person)
      .map(({ fields }) => String(fields['cid']))
  }

  async function arrivalsOf(person: number): Promise<readonly string[]> {
    const client = new Client({ connectionString: world.databaseUrl })
    await client.connect()
    try {
      const { rows } = await client.query<{ cid: string }>(
        `select cid from ${world.schema}.inbox where lane = $1 order by id`,
        [`p:${person}`],
      )
      return rows.map(({ cid }) => cid)
    } finally {
      await client.end()
    }
  }
})

const textOf = (person: number, id: number): string =>
  JSON.stringify({
    update_id: id,
    message: {
      message_id: id,
      date: 1,
      text: `сообщение ${id}`,
      chat: { id: person, type: 'private', first_name: 'Спамер' },
      from: { id: person, is_bot: false, first_name: 'Спамер', language_code: 'ru' },
    },
  })
