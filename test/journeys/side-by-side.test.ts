import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { type Person, until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'

// The first start of a bot, as it makes its tables, stops the errand engines of others; they begin again.
const world = await startWorld({ expects: ['DUTY_FAILED'] })
after(() => world.end())

async function isAnswered(person: Person): Promise<void> {
  await person.says('/start')
  await person.sees(/Привет/)
}

test('another bot that begins in the same database does not stop this one', async () => {
  await isAnswered(await world.person('Анна'))
  const other = await startWorld({ databaseUrl: world.databaseUrl })
  try {
    await isAnswered(await other.person('Борис'))
    await isAnswered(await world.person('Вера'))
    assert.equal(process.exitCode, undefined)
  } finally {
    await other.end()
  }
  await isAnswered(await world.person('Глеб'))
})

test('the errand engine listens, and does not only look once a second', async () => {
  const client = new Client({ connectionString: world.databaseUrl })
  await client.connect()
  try {
    const listening = async () => {
      const { rows } = await client.query<{ query: string }>(
        'select query from pg_stat_activity where application_name = $1 and query ilike $2',
        [`trt ${world.schema}`, '%listen%'],
      )
      return rows.length
    }
    await until(async () => (await listening()) === 1, 'one connection listens to the engine’s channel')
  } finally {
    await client.end()
  }
})

test('an errand engine that gives up is started again, and what waited is carried out', async () => {
  let giveUp = async (_: Error): Promise<void> => {}
  let starts = 0
  const broken = await startWorld({
    expects: ['DUTY_FAILED'],
    wrapPorts: (ports) => ({
      ...ports,
      engine: {
        ...ports.engine,
        async start(run) {
          starts += 1
          const working = await ports.engine.start(run)
          if (starts > 1) return working
          const { promise, reject } = Promise.withResolvers<void>()
          giveUp = async (error) => {
            await working.stop()
            reject(error)
          }
          return { ...working, ended: promise }
        },
      },
    }),
  })
  try {
    const anna = await broken.person('Анна')
    await isAnswered(anna)
    await anna.taps('Баланс')
    await anna.taps('Пополнить')
    await giveUp(new Error('no more'))
    await anna.taps(/^50.*⭐/)
    await anna.sees((message) => message.invoice !== undefined)
    assert.equal(starts, 2)
  } finally {
    await broken.end()
  }
})
