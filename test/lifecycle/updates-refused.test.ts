import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'

/** A database that reads and cannot take an update in: said by the probes at once, whatever the cause, and taken back. */
const world = await startWorld({ expects: ['EXCEPTION_CAUGHT'] })
const admin = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
after(async () => {
  await admin.end()
  await world.end()
})

const anna = await world.person('Anna')
await anna.says('/start')
await anna.sees(/Anna/)

const probe = async (path: string) => {
  const answer = await fetch(`${world.serviceUrl()}${path}`)
  return { status: answer.status, text: await answer.text() }
}
const isReady = async () => (await probe('/readyz')).status === 200
let updates = 900_000
const update = (id: number) =>
  JSON.stringify({
    update_id: id,
    message: {
      message_id: id,
      date: 1,
      text: 'x',
      chat: { id: anna.id, type: 'private' },
      from: { id: anna.id, first_name: 'Anna' },
    },
  })

/** What PostgreSQL says for each, as it would come from an insert into the inbox. */
const causes: Readonly<Record<string, string>> = {
  'a full disk': '53100',
  'no more memory': '53200',
  'a database that only reads': '25006',
  'a right that is missing': '42501',
  'a row that is refused': '23514',
  'something of our own': 'P0001',
  'something nobody knows': 'XX000',
}

describe('an update that cannot be committed', () => {
  for (const [cause, code] of Object.entries(causes)) {
    it(`because of ${cause}: not ready within two seconds, and ready again by itself`, async () => {
      assert.ok(await isReady())
      await admin.query(`
        create function refuse_updates() returns trigger language plpgsql as
          $$ begin raise exception 'refused' using errcode = '${code}'; end $$;
        create trigger refused before insert on inbox for each row execute function refuse_updates()`)
      const id = ++updates
      assert.equal((await world.deliver(update(id))).status, 503)
      await until(async () => !(await isReady()), 'the instance is not ready', onThisMachine(2_000))
      const health = await probe('/health')
      assert.equal(health.status, 503)
      assert.match(health.text, /"ok":false.*updates_refused/)
      assert.equal((await probe('/healthz')).status, 200)

      await admin.query('drop trigger refused on inbox; drop function refuse_updates()')
      await until(isReady, 'the instance is ready again, without an update')
      assert.equal((await world.deliver(update(id))).status, 200)
      assert.match((await probe('/health')).text, /"problems":\[\]/)
      assert.deepEqual((await admin.query('select 1 from inbox where bot = 0')).rows, [])
    })
  }
})
