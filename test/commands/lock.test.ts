import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type pg from 'pg'
import { createClock } from '../../src/kit/clock.ts'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import { until } from '../fixtures/person.ts'
import { openShop, type Shop, trt } from './shop.ts'

/** The lock by hand: it names the holder, and ends one that froze, and no other. */
let shop: Shop
let holder: pg.Client | undefined
before(async () => {
  shop = await openShop()
  const client = await connectOnce({ url: shop.databaseUrl, schema: shop.schema, owner: 'test' })
  await migrate(client, shop.schema, await readMigrations(), { clock: createClock() })
  await client.end()
})
afterEach(async () => {
  await holder?.end().catch(() => undefined)
  holder = undefined
  await until(async () => (await trt(['lock', 'show'], shop.env)).out.includes('Nobody holds'), 'the lock is free')
})
after(() => shop.end())

/** Holds the lock as an instance does that was last heard so long ago. */
async function hold(instance: string, heardS: number): Promise<{ isEnded: () => boolean }> {
  const client = await connectOnce({ url: shop.databaseUrl, schema: shop.schema, owner: 'lock' })
  let isEnded = false
  client.on('end', () => {
    isEnded = true
  })
  await client.query('select pg_advisory_lock($1, $2)', [...lockKeys(shop.schema, 'leader')])
  await client.query(
    `update leadership set epoch = epoch + 1, holder = $1, host = 'box-7', pid = 4242, backend_pid = pg_backend_pid(),
       backend_start = (select backend_start from pg_stat_activity where pid = pg_backend_pid()),
       acquired_at = clock_timestamp() - interval '1 hour',
       renewed_at = clock_timestamp() - $2 * interval '1 second'`,
    [instance, heardS],
  )
  holder = client
  return { isEnded: () => isEnded }
}

describe('lock show', () => {
  it('names the holder: instance, host, process, since when, epoch, and when it was last heard', async () => {
    await hold('alive123', 2)
    const { code, out } = await trt(['lock', 'show'], shop.env)
    assert.equal(code, 0)
    assert.match(
      out,
      /^backend {5}postgres\ninstance {4}alive123\nhost {8}box-7\npid {9}4242\nsince {7}20\S+Z\nepoch {7}\d+\nlast heard {2}20\S+Z, 2\.\d s ago\nIt lives\. Nothing to do\.\n$/,
    )
  })

  it('names those that stand by, too', async () => {
    await hold('alive123', 2)
    const other = await connectOnce({ url: shop.databaseUrl, schema: shop.schema, owner: 'test' })
    await other.query(
      `insert into instances (instance, incarnation, host, pid, work, role)
       values ('other456', 1, 'box-8', 17, 'exclusive', 'passive')`,
    )
    const { out } = await trt(['lock', 'show'], shop.env)
    await other.query('delete from instances')
    await other.end()
    assert.match(out, /\nstands by {3}instance other456 \(host box-8, pid 17\), heard 0\.\d s ago\nIt lives/)
  })

  it('says that nobody holds it, and who was the last', async () => {
    const { code, out } = await trt(['lock', 'show'], shop.env)
    assert.equal(code, 0)
    assert.match(out, /^Nobody holds the lock of t_\w+\. The last was instance \w+.*\nStart the service: npm start\n$/)
  })

  it('says that nobody has ever led where no service has ever started', async () => {
    const { code, err } = await trt(['lock', 'show'], { ...shop.env, BOT_INSTANCE_ID: 'nobody_was_here' })
    assert.equal(code, 1)
    assert.match(err, /Nobody has ever led here/)
  })
})

describe('lock free', () => {
  it('ends a holder that froze', async () => {
    const frozen = await hold('frozen12', 60)
    assert.match((await trt(['lock', 'show'], shop.env)).out, /silent for too long\. End its hold: trt lock free\n$/)
    const { code, out } = await trt(['lock', 'free'], shop.env)
    assert.equal(code, 0)
    assert.match(out, /^The hold of instance frozen12 \(host box-7, pid 4242\) is ended/)
    await until(frozen.isEnded, 'the session of the frozen holder is ended')
  })

  it('leaves a holder that lives, and says so', async () => {
    const alive = await hold('alive123', 2)
    const { code, err } = await trt(['lock', 'free'], shop.env)
    assert.equal(code, 1)
    assert.match(err, /alive123 .*lives: it was heard 2 s ago/)
    assert.match(err, /trt lock free --force alive123\n$/)
    assert.match((await trt(['lock', 'show'], shop.env)).out, /alive123/)
    assert.equal(alive.isEnded(), false)
  })

  it('takes the lead from a holder that lives only by its name', async () => {
    const alive = await hold('alive123', 2)
    const wrong = await trt(['lock', 'free', '--force', 'another1'], shop.env)
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /The holder is not another1/)
    assert.match((await trt(['lock', 'show'], shop.env)).out, /alive123/)
    const right = await trt(['lock', 'free', '--force', 'alive123'], shop.env)
    assert.equal(right.code, 0, right.err)
    await until(alive.isEnded, 'the session of the holder is ended')
  })

  it('ends no session but that of the holder', async () => {
    await hold('frozen12', 60)
    const stranger = await connectOnce({ url: shop.databaseUrl, schema: shop.schema, owner: 'lock' })
    await trt(['lock', 'free'], shop.env)
    const { rows } = await stranger.query('select 1 as here')
    assert.deepEqual(rows, [{ here: 1 }])
    await stranger.end()
  })
})
