import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { createClock } from '../../src/kit/clock.ts'
import { until } from '../fixtures/person.ts'
import { openShop, type Shop, trt } from './shop.ts'

/** What a start finds doubtful it tells and goes on; what cannot work stops it, in the doctor's words. */
let shop: Shop
before(async () => {
  shop = await openShop()
})
after(() => shop.end())

/** The doctor's sentence of a check, as it stands in a line of the log. */
async function doctorSays(check: string): Promise<string> {
  const { out } = await trt(['doctor', '--json'], shop.env)
  const report: { findings: { check: string; says: string; todo?: string }[] } = JSON.parse(out)
  const found = report.findings.find((finding) => finding.check === check)
  assert.ok(found, out)
  return `check=${check} problem=${JSON.stringify(found.says)} todo=${JSON.stringify(found.todo)}`
}

describe('a start', () => {
  it('tells what is doubtful in the words of the doctor, and serves', async () => {
    await (await shop.start()).stop()
    await shop.sql('update world set bot = 42')
    await shop.controls.setCredits(7)
    const said = await doctorSays('world')
    const poor = await doctorSays('kie')
    const { code, log } = await (await shop.start()).stop()
    assert.equal(code, 0)
    const findings = log.split('\n').filter((line) => line.includes(' PREFLIGHT_FINDING '))
    assert.ok(
      findings.some((line) => line.endsWith(said)),
      `${said}\n${findings.join('\n')}`,
    )
    assert.ok(
      findings.some((line) => line.endsWith(poor)),
      `${poor}\n${findings.join('\n')}`,
    )
    assert.equal(findings.length, 2)
  })

  it('serves with a clock that is an hour behind, and tells by whom it knows', async () => {
    const clock = createClock({ offsetMs: -3_600_000 })
    const running = await shop.start({}, ' DUTIES_STARTED ', clock)
    const findings = () => running.lines().filter((line) => line.includes(' PREFLIGHT_FINDING check=clock.'))
    try {
      await until(() => findings().length === 2, 'both clocks are told')
      const [database = '', telegram = ''] = findings().sort()
      assert.match(database, /check=clock\.database problem="the database's clock is 3600 s ahead of ours"/)
      assert.match(telegram, /check=clock\.telegram problem="Telegram's clock is (3599|3600|3601) s ahead of ours"/)
      for (const line of findings())
        assert.match(line, /todo="let this machine take its time from the network \(NTP\)"/)
    } finally {
      assert.equal((await running.stop()).code, 0)
    }
    const { log } = await (await shop.start()).stop()
    assert.doesNotMatch(log, /check=clock/)
  })

  it('writes down what its prices are made of when that has changed, and only then', async () => {
    const kept = async () => {
      const rows = await shop.sql(
        "select version, body->>'multiplier' as multiplier from shop_settings order by version",
      )
      return rows.map((row) => Object.values(z.object({ version: z.number(), multiplier: z.string() }).parse(row)))
    }
    for (const PRICE_MULTIPLIER of ['2', '2', '3', '2']) await (await shop.start({ PRICE_MULTIPLIER })).stop()
    assert.deepEqual(await kept(), [
      [1, '2'],
      [2, '3'],
      [3, '2'],
    ])
  })

  it('tells a misspelt setting, and is refused by a wrong one with every problem at once', async () => {
    const env = { ...shop.env, PRICE_MULTIPLER: '3', DB_MAX_CONN: '2', ADMIN_ID: 'me', LOG_FORMAT: 'xml' }
    const { code, err } = await trt(['start'], env)
    assert.equal(code, 1)
    for (const name of ['DB_MAX_CONN', 'ADMIN_ID', 'LOG_FORMAT']) assert.match(err, new RegExp(`^ {2}${name} `, 'm'))
  })

  it('is refused where the next deploy would empty the disk of the embedded database', async () => {
    const { DATABASE_URL: _, ...env } = shop.env
    // Nothing of this folder is there, so it is on the disk of the system.
    const { code, err, log } = await trt(['start'], { ...env, RENDER: 'true', DATA_DIR: '/no/such/folder' })
    assert.equal(code, 1)
    assert.match(err, /^storage: DATABASE_URL is missing, and \/no\/such\/folder is emptied by the next deploy/)
    assert.equal(log, '')
  })
})
