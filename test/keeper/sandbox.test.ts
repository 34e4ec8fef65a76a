import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, it } from 'node:test'
import {
  allGone,
  keepersIn,
  kill,
  onlyPid,
  postmastersIn,
  sandboxesIn,
  shortFolder,
  startUser,
  until,
} from './users.ts'

const pageOf = async (url: string): Promise<number> => (await fetch(url).catch(() => undefined))?.status ?? 0

describe('the sandbox of a keeper', { concurrency: 2 }, () => {
  it('is shared by those who come, whatever port they ask for, and ends with the last', async (t) => {
    const dataDir = await shortFolder(t)
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
    const dataDir = await shortFolder(t)
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

  it('says which setting to change when its port is taken, and starts for the next who asks', async (t) => {
    const dataDir = await shortFolder(t)
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const address = squatter.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const refused = await startUser({ dataDir, sandbox: { port }, withoutDatabase: true }).fault()
    assert.match(refused, new RegExp(`Port ${port}.*in use by another program. Set SANDBOX_PORT`))
    squatter.close()
    await once(squatter, 'close')
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
