import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
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
