import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { freePort } from '../fixtures/loopback.ts'
import { onThisMachine, patience } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { type OwnPostgres, ownPostgres } from '../fixtures/postgres.ts'
import { startWorld, type World } from '../fixtures/service.ts'

/**
 * What whoever runs the process sees of it: a port that answers from the first moment to the last, whatever it waits
 * for, and probes that ask nobody. One service is followed from its boot through the loss of its database.
 */
let postgres: OwnPostgres
let port: number
/** The service waits here until it is let in. */
const doors = { database: Promise.withResolvers<void>(), warmUp: Promise.withResolvers<void>() }
const isAt = { database: false, warmUp: false }
let starting: Promise<World>
let world: World

before(async () => {
  postgres = await ownPostgres()
  port = await freePort()
  starting = startWorld({
    env: { PORT: String(port) },
    databaseUrl: postgres.url,
    expects: [
      'WEBHOOK_REFUSED',
      'PASSIVE_REJECT',
      'DB_CONNECTION_LOST',
      'LOCK_LOST',
      'DUTY_FAILED',
      'EXCEPTION_CAUGHT',
      'DISPATCH_FAIL',
    ],
    wrapPorts: (ports) => ({
      ...ports,
      async inspectDatabase() {
        isAt.database = true
        await doors.database.promise
        return await ports.inspectDatabase()
      },
      async warmDatabase() {
        isAt.warmUp = true
        await doors.warmUp.promise
        await ports.warmDatabase()
      },
    }),
  })
  // Waited for below; a test that fails first says why.
  starting.catch(() => undefined)
})
after(async () => {
  for (const door of Object.values(doors)) door.resolve()
  try {
    await postgres.start()
    await (await starting).end()
  } finally {
    await postgres.end()
  }
})

const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
const knocks = (path: string, token: string) =>
  fetch(`http://127.0.0.1:${port}/webhook/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': token },
    body: '{"update_id":900001,"poll":{"id":"1"}}',
  })

describe('a service that boots', { timeout: patience(30_000) }, () => {
  it('answers at its port before it has asked the database anything: alive, and "later" to an update', async () => {
    await until(() => isAt.database, 'it waits for its database')
    assert.equal(await get('/healthz'), 200)
    assert.equal(await get('/health'), 200)
    assert.equal(await get('/readyz'), 503)
    const answer = await knocks('path-of-the-tests', 'token-of-the-tests')
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '1')
  })

  it('serves at the same port, which was never closed, and waits for no warm-up with that', async () => {
    doors.database.resolve()
    world = await starting
    assert.equal(world.service().port, port)
    assert.equal(world.log.count('HTTP_LISTENING'), 1)
    await until(() => isAt.warmUp, 'it warms up')
    assert.equal(world.log.count('READY'), 1)
    const anna = await world.person('Анна')
    await anna.says('/start')
    await anna.sees(/Привет, Анна/)
    assert.equal(world.log.count('BOOT_WARMUP_DONE') + world.log.count('BOOT_WARMUP_CANCELLED'), 0)
    doors.warmUp.resolve()
    await world.log.until('BOOT_WARMUP_DONE')
  })
})

describe('a service whose database only reads', { timeout: patience(30_000) }, () => {
  const setReadOnly = async (value: 'on' | 'off') => {
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    await client.query('set default_transaction_read_only = off')
    await client.query(`alter system set default_transaction_read_only = ${value}`)
    await client.query('select pg_reload_conf()')
    await client.end()
  }

  it('says that it cannot store, and goes on when it can', async () => {
    await setReadOnly('on')
    await until(async () => (await get('/readyz')) === 503, 'it is not ready')
    assert.equal(await get('/health'), 503)
    assert.equal(await get('/healthz'), 200)
    assert.equal((await knocks('path-of-the-tests', 'token-of-the-tests')).status, 503)
    await setReadOnly('off')
    await until(async () => (await get('/readyz')) === 200, 'it is ready')
  })
})

describe('a service whose database is gone', { timeout: patience(30_000) }, () => {
  before(async () => {
    // A step that moves no money and was just committed may go with the server, and is then done again. Whoever waits
    // for the disk has everything before it written too.
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    await client.query('create table written_to_the_disk ()')
    await client.end()
    await postgres.kill()
  })

  it('is alive to every probe, and none of them waits for anybody', async () => {
    await world.log.until('DB_CONNECTION_LOST')
    // A database that has not answered for ten seconds is silent. That is for the operator to know; it is an answer.
    world.shiftClock(10_000)
    const statuses = { '/healthz': 200, '/': 200, '/metrics': 200, '/health': 503, '/readyz': 503 }
    for (let probes = 0; probes < 20; probes++) {
      for (const [path, status] of Object.entries(statuses)) {
        const startedMs = performance.now()
        assert.equal(await get(path), status, path)
        const tookMs = performance.now() - startedMs
        assert.ok(tookMs < onThisMachine(2_000), `${path} took ${tookMs} ms`)
      }
    }
    world.shiftClock(0)
  })

  it('goes on telling what happens: no line of the log waits for the database', async () => {
    const refused = world.log.count('WEBHOOK_REFUSED')
    assert.equal((await knocks('path-of-the-tests', 'wrong')).status, 403)
    assert.equal(world.log.count('WEBHOOK_REFUSED'), refused + 1, 'it was told before it was answered')
    const told = world.log.lines.length
    assert.equal((await knocks('path-of-the-tests', 'token-of-the-tests')).status, 503)
    assert.ok(world.log.lines.length > told, 'that the update could not be stored is told')
  })

  it('serves again when it is back', async () => {
    await postgres.start()
    const boris = await world.person('Борис')
    await boris.says('/start')
    await boris.sees(/Привет, Борис/)
  })
})
