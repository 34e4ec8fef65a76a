import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { takenPort } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { allGone, keepersIn, kill, onlyPid, postmastersIn, sandboxesIn, shortFolder, startUser } from './users.ts'

const pageOf = async (url: string): Promise<number> => (await fetch(url).catch(() => undefined))?.status ?? 0

/** Built once for all tests: a sandbox starts a build where there are no pages of these sources. */
const built = mkdtempSync(path.join(os.tmpdir(), 'trt-pages-'))
before(() => {
  execFileSync(process.execPath, [
    fileURLToPath(new URL('../../web/build.ts', import.meta.url)),
    '--out',
    `${built}/pages`,
  ])
})
after(() => rmSync(built, { recursive: true }))

async function folderWithPages(t: TestContext): Promise<string> {
  const folder = await shortFolder(t)
  cpSync(`${built}/pages`, path.join(folder, 'pages'), { recursive: true })
  return folder
}

describe('the sandbox of a keeper', { concurrency: 2 }, () => {
  it('is shared by those who come, whatever port they ask for, and ends with the last', async (t) => {
    const dataDir = await folderWithPages(t)
    const one = startUser({ dataDir, sandbox: { port: 0 } })
    const { sandboxUrl, databaseUrl } = await one.joined()
    assert.notEqual(databaseUrl, '')
    const other = startUser({ dataDir, sandbox: { port: 1 } })
    assert.equal((await other.joined()).sandboxUrl, sandboxUrl)
    await one.kill()
    assert.equal(await pageOf(sandboxUrl), 200)
    await other.leave()
    await allGone(dataDir)
    assert.equal(await pageOf(sandboxUrl), 0)
  })

  it('comes back on its port when it is killed, and outlives its keeper', async (t) => {
    const dataDir = await folderWithPages(t)
    const user = startUser({ dataDir, sandbox: { port: 0 }, withoutDatabase: true })
    const { sandboxUrl } = await user.joined()
    const first = onlyPid(sandboxesIn(dataDir))
    kill(first)
    await until(() => sandboxesIn(dataDir).some(({ pid }) => pid !== first), 'another sandbox')
    await until(async () => (await pageOf(sandboxUrl)) === 200, 'it answers at its old address')
    const second = onlyPid(sandboxesIn(dataDir))

    kill(onlyPid(keepersIn(dataDir)))
    await until(() => user.said.some((one) => one['changed'] === 'rejoined'), 'the user has joined again')
    assert.equal(onlyPid(sandboxesIn(dataDir)), second)
    assert.equal(await pageOf(sandboxUrl), 200)
    assert.deepEqual(postmastersIn(dataDir), [], 'no database for those who have one elsewhere')
    await user.leave()
    await allGone(dataDir)
  })

  it('ends with the last user of its folder, although those who needed it and their keeper were killed', async (t) => {
    const dataDir = await folderWithPages(t)
    const needing = startUser({ dataDir, sandbox: { port: 0 }, withoutDatabase: true })
    await needing.joined()
    const other = startUser({ dataDir })
    await other.joined()
    await needing.kill()
    kill(onlyPid(keepersIn(dataDir)))
    await until(() => other.said.some((one) => one['changed'] === 'rejoined'), 'the other has joined again')
    onlyPid(sandboxesIn(dataDir))
    await other.leave()
    await allGone(dataDir)
  })

  it('says which setting to change when its port is taken, and starts for the next who asks', async (t) => {
    const dataDir = await folderWithPages(t)
    const { port, release } = await takenPort(t)
    const refused = await startUser({ dataDir, sandbox: { port }, withoutDatabase: true }).fault()
    assert.match(refused, new RegExp(`Port ${port}.*in use by another program. Set SANDBOX_PORT`))
    await release()
    const next = startUser({ dataDir, sandbox: { port }, withoutDatabase: true })
    assert.equal(new URL((await next.joined()).sandboxUrl).port, String(port))
  })

  it('has its pages built once', async (t) => {
    const dataDir = await shortFolder(t)
    const first = startUser({ dataDir, sandbox: { port: 0 }, pages: true, withoutDatabase: true })
    const { pagesFolder } = await first.joined()
    assert.ok(existsSync(path.join(pagesFolder, 'index.html')))
    assert.ok(first.said.some((one) => String(one['progress']).startsWith('Building the web pages')))
    await first.leave()
    await allGone(dataDir)
    const second = startUser({ dataDir, pages: true })
    await second.joined()
    assert.ok(!second.said.some((one) => String(one['progress']).startsWith('Building')))
  })
})
