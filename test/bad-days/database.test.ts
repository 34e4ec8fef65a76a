import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import pg from 'pg'
import { endOf, type Life } from '../crashes/life.ts'
import { endWell, isAnswered } from '../crashes/standby.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import {
  anUpdate,
  beyondStrait,
  checkAfterwards,
  type Drill,
  type Explained,
  inShop,
  isAlive,
  post,
  telegramTriesAgain,
} from './drill.ts'
import { drillsOfSecrets } from './secrets.ts'

/** A step that fails is noted; a duty that fails begins again; an update that cannot be stored is refused. */
const failing = ['DISPATCH_FAIL', 'DUTY_FAILED', 'EXCEPTION_CAUGHT', 'PASSIVE_REJECT'] as const
/** Connections end in the middle of everything, and there is none to say goodbye on. */
const crowded: Explained = {
  events: [
    ...failing,
    'DB_CONNECTION_LOST',
    'LOCK_LOST',
    'LOCK_RELEASE_FAILED',
    'DUTIES_ABANDONED',
    'WEBHOOK_KEYS_UNWRITTEN',
  ],
  errors:
    /terminating connection due to administrator command|ECONNRESET|EPIPE|too many connections for role|Client has encountered a connection error|Connection terminated|the listening connection ended/,
}
/** Every statement and every new connection takes longer than it may. The leadership is not lost. */
const slow: Explained = {
  events: [...failing, 'DB_POOL_EXHAUSTED', 'WEBHOOK_KEYS_UNWRITTEN'],
  errors: /Query read timeout|timeout exceeded when trying to connect|timeout expired|Connection terminated/,
}
const full: Explained = {
  events: [...failing, 'WEBHOOK_KEYS_UNWRITTEN', 'WEBHOOK_LAST_ERROR'],
  errors: /No space left on device/,
}

/**
 * A PostgreSQL that is there and has a bad day. Nothing is acknowledged that is not stored, the process stays alive and
 * says so, ends in its time when it is told to, and goes on by itself when the day is over.
 */
test('a bad day of PostgreSQL, or of the secrets', { concurrency: 4 }, async (t) => {
  await Promise.all([
    t.test('out of connections, nothing is taken that cannot be stored, and all of it is handled afterwards', () =>
      inCrowd(async ({ shop, db }, crowd) => {
        const life = shop.begin()
        await life.works()
        const person = await shop.person()
        await isAnswered(person)
        await crowd.comes()
        const refused = await post(shop.port, anUpdate(1))
        assert.deepEqual([refused.status, refused.retryAfter], [503, '1'])
        assert.ok(refused.tookMs < onThisMachine(2_000), `refused after ${refused.tookMs} ms`)
        await isAlive(shop.port)
        await person.says('/start')
        await until(async () => (await refusals(shop)) > 0, 'Telegram was told to wait')
        assert.equal((await db.query('select from inbox where finished_at is null')).rowCount, 0)
        await crowd.goes()
        await life.tells(/ACTIVE_ENTER .*how=regained/)
        await telegramTriesAgain(shop)
        await person.sees(/Картинки и дизайн/)
        // Once more, and somebody ends the process in the middle of it.
        await crowd.comes()
        await person.says('/start')
        await isAlive(shop.port)
        await endsInTime(life)
        await crowd.goes()
        const next = shop.begin()
        await next.works()
        await telegramTriesAgain(shop)
        await person.sees(/Картинки и дизайн/)
        await checkAfterwards(shop, crowded)
        await endWell([next])
      }),
    ),

    t.test('silent in the middle of a stop, at its goodbye too, it holds no process', () =>
      beyondStrait(async ({ shop, strait }) => {
        const life = shop.begin()
        await life.works()
        await isAnswered(await shop.person())
        strait.stall()
        await endsInTime(life)
      }),
    ),

    t.test('slow by two seconds, it loses and doubles nothing, keeps one leader, and is forgiven', () =>
      beyondStrait(async ({ shop, strait, db }) => {
        // An operator's times: the lease is to outlast such a day.
        const leader = shop.begin({ publicPort: shop.otherPort })
        await leader.works()
        const other = shop.begin({ port: shop.otherPort })
        await other.tells(/PASSIVE_ENTER/)
        const people = await Promise.all([shop.person(), shop.person(), shop.person()])
        for (const person of people) await isAnswered(person)
        const renewals = async () => (await db.query('select renewed_at::text as at from leadership')).rows[0]?.at
        strait.delay(2_000)
        for (const person of people) await person.says('/start')
        const seen = new Set<string>()
        await until(async () => seen.add(await renewals()).size > 3, 'the lease was renewed all the while')
        await until(async () => (await refusals(shop)) > 0, 'what could not be stored in time was refused')
        await isAlive(shop.port)
        strait.delay(0)
        await telegramTriesAgain(shop)
        for (const person of people) await person.sees(/Картинки и дизайн/)
        await checkAfterwards(shop, slow)
        await endWell([leader, other])
      }),
    ),

    t.test('with a full disk, nothing is taken that is not stored, and all of it is handled when there is room', () =>
      inShop(async ({ shop, db }) => {
        const life = shop.begin()
        await life.works()
        const person = await shop.person()
        await isAnswered(person)
        await fillDisk(db, shop.schema)
        const refused = await post(shop.port, anUpdate(1))
        assert.deepEqual([refused.status, refused.retryAfter], [503, '1'])
        await isAlive(shop.port)
        await person.says('/start')
        await until(async () => (await refusals(shop)) > 0, 'Telegram was told to wait')
        assert.equal((await db.query('select from inbox where finished_at is null')).rowCount, 0)
        await db.query('drop function disk_full cascade')
        await telegramTriesAgain(shop)
        await person.sees(/Картинки и дизайн/)
        // Full at another moment: the update of somebody new is stored, and what its step writes is not.
        const newcomer = await shop.person()
        await fillDisk(db, shop.schema, 'inbox')
        await newcomer.says('/start')
        await life.tells(/DISPATCH_FAIL .*reason_code=STORAGE_ERROR/)
        await db.query('drop function disk_full cascade')
        await newcomer.sees(/Картинки и дизайн/)
        await checkAfterwards(shop, full)
        await endWell([life])
      }),
    ),
    // They share the time of those that wait long and do little.
    ...drillsOfSecrets(t),
  ])
})

/** It has ten seconds for what it has begun, and some more for goodbyes that nobody answers. */
const endWithinMs = onThisMachine(25_000)

async function endsInTime(life: Life): Promise<void> {
  const startedMs = performance.now()
  life.signal('SIGTERM')
  assert.deepEqual(await endOf(life), { code: 0, signal: null }, life.lines.slice(-20).join('\n'))
  assert.match(life.lines.at(-1) ?? '', /SHUTDOWN_DONE/, 'and nothing holds the process after it')
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < endWithinMs, `it ended after ${tookMs} ms`)
}

async function refusals({ controls }: Drill['shop']): Promise<number> {
  return (await controls.updates()).flatMap(({ attempts }) => attempts).filter(({ status }) => status === 503).length
}

type Crowd = {
  /** Others have every connection, also those that the service had. */
  comes(): Promise<void>
  goes(): Promise<void>
}

/**
 * A shop with a user of its own, who may have so many connections and no more: the server refuses the next one with the
 * same code (53300) as one that is full altogether, and other tests keep theirs.
 */
async function inCrowd(work: (drill: Drill, crowd: Crowd) => Promise<void>): Promise<void> {
  const user = `crowded_${randomBytes(4).toString('hex')}`
  const places = 4
  let urlOfUser = ''
  await inShop(
    async (drill) => {
      const { db } = drill
      const others: pg.Client[] = []
      await db.query(`create role ${user} login password '${user}'`)
      await db.query(
        `grant create on database ${(await db.query('select current_database()')).rows[0].current_database} to ${user}`,
      )
      const goes = async () => {
        await db.query(`alter role ${user} connection limit -1`)
        await Promise.all(others.splice(0).map((other) => other.end()))
      }
      const comes = async () => {
        await db.query(`alter role ${user} connection limit ${places}`)
        await db.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [user])
        while (others.length < places) {
          const other = new pg.Client({ connectionString: urlOfUser })
          other.on('error', () => undefined)
          // Whoever was thrown out tries again too.
          await other.connect().then(
            () => others.push(other),
            () =>
              db.query(
                `select pg_terminate_backend(pid) from pg_stat_activity where usename = $1 and application_name like 'trt %'`,
                [user],
              ),
          )
        }
      }
      try {
        await work(drill, { comes, goes })
      } finally {
        await goes()
      }
    },
    {
      tidy: async (db) =>
        void (await db.query(`reassign owned by ${user} to current_user; drop owned by ${user}; drop role ${user}`)),
      url: ({ url }) => {
        urlOfUser = url.replace(/\/\/[^@]*@/, `//${user}:${user}@`)
        return urlOfUser
      },
    },
  )
}

/**
 * A server whose disk is full answers 53100 to whatever would make a table larger. Here a trigger does, on every table
 * of the shop: a small tmpfs needs mounts, which containers forbid, and where the journal of the whole server has no
 * room either, PostgreSQL ends itself, which is the drill of its restart.
 */
async function fillDisk(db: pg.Client, schema: string, spared = ''): Promise<void> {
  const { rows } = await db.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname in ($1::text, $1::text || '_jobs') and tablename not in ('leadership', 'instances', $2)`,
    [schema, spared],
  )
  await db.query(`
    create function disk_full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`)
  for (const { name } of rows) {
    await db.query(`create trigger disk_full before insert or update on ${name} execute function disk_full()`)
  }
}
