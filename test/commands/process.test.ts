import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { lockKeys } from '../../src/storage/postgres/lock-keys.ts'
import { readMigrations } from '../../src/storage/postgres/migrate.ts'
import { freePort, takenPort } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { type Env, openShop, type Shop } from './shop.ts'

/** `trt start` as a process of its own: what ends it, and what it says. */
const program = fileURLToPath(new URL('../../bin/trt.js', import.meta.url))
let shop: Shop
let folder: string
const children = new Set<ChildProcess>()
before(async () => {
  shop = await openShop()
  // No .env of anybody is read there.
  folder = await mkdtemp(path.join(os.tmpdir(), 'trt-process-'))
})
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
  await shop.end()
})

function start(env: Env = {}) {
  const child = spawn(process.execPath, [program, 'start'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...shop.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const ended = once(child, 'close').then(([code]) => {
    children.delete(child)
    return { code: Number(code), ...said }
  })
  return {
    child,
    ended,
    says: (text: string) =>
      until(() => {
        assert.equal(child.exitCode, null, `it ended instead:\n${said.out}${said.err}`)
        return said.out.includes(text)
      }, `it says ${text}`),
  }
}

describe('a start', () => {
  it('ends by SIGTERM with nothing left: exit code 0, no session in the database, the port free', async () => {
    const { child, ended, says } = start()
    await says(' DUTIES_STARTED ')
    child.kill('SIGTERM')
    const { code, out, err } = await ended
    assert.equal(code, 0, err)
    assert.match(out, /SHUTDOWN_STARTED reason=SIGTERM[\s\S]*LOCK_RELEASED[\s\S]*SHUTDOWN_DONE took_ms=\d+\n$/)
    const sessions = await shop.sql(
      "select pid from pg_stat_activity where application_name like $1 and pid <> pg_backend_pid() and application_name not like '% test'",
      [`trt ${shop.schema}%`],
    )
    assert.deepEqual(sessions, [])
  })

  const waits = [
    {
      what: 'migrates',
      where: "application_name like '% migrations' and query like '%advisory%'",
      hold: (other: pg.Client) =>
        other.query('select pg_advisory_lock($1, $2)', [...lockKeys(shop.schema, 'migrations')]),
    },
    {
      what: 'has a table that the preflight looks at',
      where: "application_name like '% preflight' and wait_event_type = 'Lock'",
      hold: (other: pg.Client) =>
        other.query('set idle_in_transaction_session_timeout = 0; begin; lock table migrations'),
    },
  ]
  for (const { what, where, hold } of waits) {
    it(`ends by SIGTERM while another instance ${what}: exit code 0, and it did not wait for that one`, async () => {
      const other = await connectOnce({ url: shop.databaseUrl, schema: shop.schema, owner: 'test' })
      await hold(other)
      const { child, ended } = start()
      try {
        const waiting = `select pid from pg_stat_activity where application_name like $1 and ${where}`
        await until(async () => (await shop.sql(waiting, [`trt ${shop.schema} %`])).length > 0, 'it waits')
        child.kill('SIGTERM')
        await until(() => child.exitCode !== null, 'it ends')
      } finally {
        await other.end()
      }
      const { code, out, err } = await ended
      assert.deepEqual([code, err], [0, ''])
      assert.match(out, /SHUTDOWN_STARTED reason=SIGTERM\n.*SHUTDOWN_DONE took_ms=\d+\n$/)
    })
  }

  it('ends at once by a second signal, but not by one that follows the first on its heel', async () => {
    const { child, ended, says } = start()
    await says(' DUTIES_STARTED ')
    // A client that stalls in the middle of its request: it is waited for, for a while.
    const { hostname, port } = new URL(shop.env['WEBHOOK_BASE_URL'] ?? '')
    const stalls = connect(Number(port), hostname)
    stalls.on('error', () => undefined)
    await once(stalls, 'connect')
    stalls.write(
      'POST /callbacks/kie/x HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n',
    )
    await fetch(`http://${hostname}:${port}/healthz`)
    child.kill('SIGINT')
    child.kill('SIGTERM')
    await says(' SHUTDOWN_STARTED ')
    const first = performance.now()
    assert.equal(child.exitCode, null)
    await until(() => performance.now() - first > 1_100, 'a second has passed')
    assert.equal(child.exitCode, null, 'it did not wait for the request')
    child.kill('SIGTERM')
    const { code, out } = await ended
    assert.equal(code, 1)
    assert.doesNotMatch(out, /SHUTDOWN_DONE/)
    stalls.destroy()
  })

  it('says what to do when its port is taken', async (t) => {
    const { port } = await takenPort(t)
    const { code, err, out } = await start({ PORT: String(port) }).ended
    assert.equal(code, 1)
    assert.match(err, /EADDRINUSE.*Set PORT to a free one/)
    assert.doesNotMatch(out + err, /\n\s+at /, 'a stack is no sentence')
  })

  it('says what is wrong with the database when it does not answer, without its password', async () => {
    const nowhere = `postgres://trt:pass-w0rd@127.0.0.1:${await freePort()}/shop`
    const { code, err, out } = await start({ DATABASE_URL: nowhere }).ended
    assert.equal(code, 1)
    assert.match(err, /ECONNREFUSED/)
    assert.doesNotMatch(out + err, /pass-w0rd/)
  })

  it('refuses the database of a newer program, and one of the other world, each with a sentence', async () => {
    const program = (await readMigrations()).length
    await shop.sql("insert into migrations (number, name, oldest_program) values ($1, 'newer.sql', $1)", [program + 1])
    const newer = await start().ended
    await shop.sql('delete from migrations where number > $1', [program])
    assert.equal(newer.code, 1)
    assert.match(newer.err, new RegExp(`newer program.*${program + 1}`))

    await shop.sql("update world set kind = 'sandbox'")
    const other = await start().ended
    await shop.sql("update world set kind = 'live'")
    assert.equal(other.code, 1)
    assert.match(other.err, /sandbox.*live/)
    for (const { out } of [newer, other]) assert.doesNotMatch(out, /DUTIES_STARTED/)
  })
})
