import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { readMigrations } from '../../src/storage/postgres/migrate.ts'
import { endOf, type Life } from '../crashes/life.ts'
import { endWell, times } from '../crashes/standby.ts'
import { checkAfterwards, handlesMore, inShop, whileAllWrite } from './drill.ts'

/**
 * A deploy that brings a migration, and one that goes back over it, with people writing all the while. The newer program
 * is ours with one migration more, in a folder of its own.
 */
const repo = path.resolve(import.meta.dirname, '../..')
const shipped = (await readMigrations()).length
const folder = mkdtempSync(path.join(os.tmpdir(), 'trt-newer-'))
after(() => rmSync(folder, { recursive: true, force: true }))
for (const part of ['package.json', 'src', 'test/crashes', 'test/fixtures']) {
  cpSync(path.join(repo, part), path.join(folder, part), { recursive: true })
}
symlinkSync(path.join(repo, 'node_modules'), path.join(folder, 'node_modules'))
/** Made larger only, under the hands of those who do not know of it. */
const grown = ['inbox', 'sessions', 'orders', 'people', 'instances', 'leadership', 'webhook_keys']
writeFileSync(
  path.join(folder, 'src/storage/migrations', `${String(shipped + 1).padStart(4, '0')}-what-comes-next.sql`),
  `-- oldest program: 1\n${grown.map((table) => `alter table ${table} add column newer text;`).join('\n')}\n`,
)
const newer = path.join(folder, 'test/crashes/main.ts')

test('a deploy over a migration, and back again, interrupts nobody', () =>
  inShop(async ({ shop, db }) => {
    const people = await Promise.all([shop.person(), shop.person(), shop.person()])
    const first = shop.begin({ times })
    await first.works()
    let last = first
    await whileAllWrite(people, async () => {
      await handlesMore(first)
      const second = shop.begin({ times, port: shop.otherPort, program: newer })
      await second.tells(new RegExp(`MIGRATED from=${shipped} to=${shipped + 1}`))
      await second.tells(/PASSIVE_ENTER/)
      // The old program works on with what the newer one has made of its tables.
      await handlesMore(first)
      await handOver(first, second)
      last = shop.begin({ times })
      await last.tells(/PASSIVE_ENTER/)
      await handOver(second, last)
    })
    assert.ok(!last.lines.some((line) => line.includes('] MIGRATED ')), 'whoever goes back changes nothing')
    assert.equal((await db.query('select from migrations')).rowCount, shipped + 1)
    await checkAfterwards(shop)
    await endWell([last])
  }))

async function handOver(from: Life, to: Life): Promise<void> {
  from.signal('SIGTERM')
  await to.tells(/ACTIVE_ENTER .*how=takeover/)
  await to.works()
  await handlesMore(to)
  assert.deepEqual(await endOf(from), { code: 0, signal: null })
}
