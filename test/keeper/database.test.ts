import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../fixtures/person.ts'
import {
  allGone,
  answers,
  isRoot,
  keepersIn,
  kill,
  nobody,
  onlyPid,
  postmastersIn,
  processesIn,
  query,
  shortFolder,
  startUser,
} from './users.ts'

const keeperProgram = fileURLToPath(new URL('../../src/keeper/main.ts', import.meta.url))

describe('the embedded database', { concurrency: 2 }, () => {
  it('is one database when two first starts come at once', async (t) => {
    const dataDir = await shortFolder(t)
    const keepers = [0, 1].map(() => spawn(process.execPath, [keeperProgram, '--data-dir', dataDir]))
    const ends = keepers.map((keeper) => once(keeper, 'exit'))
    let said = ''
    for (const { stderr } of keepers) stderr.setEncoding('utf8').on('data', (text) => (said += text))
    const users = [startUser({ dataDir }), startUser({ dataDir })]
    const [one, other] = await Promise.all(users.map((user) => user.joined()))
    assert.equal(one?.databaseUrl, other?.databaseUrl)
    await query(one?.databaseUrl ?? '', 'create table shared as select 7 as seven')
    assert.deepEqual(await query(other?.databaseUrl ?? '', 'select seven from shared'), [{ seven: 7 }])
    assert.equal((await Promise.race(ends))[0], 0, 'the keeper that came second ends, and it is no failure')
    await until(() => keepersIn(dataDir).length === 1, 'one keeper is left')
    onlyPid(postmastersIn(dataDir))
    if (existsSync(path.join(dataDir, 'keeper.log'))) said += readFileSync(path.join(dataDir, 'keeper.log'), 'utf8')
    assert.equal(said.match(/ begins\.$/gm)?.length, 1, 'no other one has begun anything')
  })

  it('stays for the others when one user is killed, and is gone with the last, leaving data and logs only', async (t) => {
    const dataDir = await shortFolder(t)
    const victim = startUser({ dataDir })
    const { databaseUrl } = await victim.joined()
    const other = startUser({ dataDir })
    await other.joined()
    const keeper = onlyPid(keepersIn(dataDir))
    await victim.kill()
    // Longer than the linger: the one that is left keeps everything up.
    await query(databaseUrl, 'select pg_sleep(0.6)')
    assert.equal(onlyPid(keepersIn(dataDir)), keeper)
    await other.kill()
    await allGone(dataDir)
    assert.ok(existsSync(path.join(dataDir, 'postgres', 'data', 'PG_VERSION')))
  })

  it('serves a user who comes while the keeper lingers, and one who comes while it stops', async (t) => {
    const dataDir = await shortFolder(t)
    const first = startUser({ dataDir, lingerMs: 1_500 })
    const { databaseUrl } = await first.joined()
    await query(databaseUrl, 'create table kept as select 1 as one')
    const keeper = onlyPid(keepersIn(dataDir))
    await first.leave()
    const lingering = startUser({ dataDir })
    await lingering.joined()
    await query(databaseUrl, 'select pg_sleep(1.6)')
    assert.equal(onlyPid(keepersIn(dataDir)), keeper, 'the same keeper goes on')

    // A server that is suspended cannot follow the order to stop, so the old keeper is held in its stopping.
    const postmaster = onlyPid(postmastersIn(dataDir))
    kill(postmaster, 'SIGSTOP')
    kill(keeper, 'SIGTERM')
    await until(() => !existsSync(path.join(dataDir, 'keeper.json')), 'the keeper begins to stop')
    const late = startUser({ dataDir })
    await until(() => keepersIn(dataDir).length > 1, 'another keeper waits')
    kill(postmaster, 'SIGCONT')
    const { databaseUrl: again } = await late.joined()
    assert.deepEqual(await query(again, 'select one from kept'), [{ one: 1 }])
    assert.notEqual(onlyPid(postmastersIn(dataDir)), postmaster)
    await until(() => keepersIn(dataDir).length === 1, 'one keeper is left')
  })

  it('goes on when the keeper is killed: sessions stay, users get a new keeper, and it stops what it adopted', async (t) => {
    const dataDir = await shortFolder(t)
    const user = startUser({ dataDir })
    const { databaseUrl } = await user.joined()
    const postmaster = onlyPid(postmastersIn(dataDir))
    const keeper = onlyPid(keepersIn(dataDir))
    const session = query(databaseUrl, 'select pg_sleep(1), 5 as five')
    kill(keeper)
    await until(() => user.said.some((one) => one['changed'] === 'rejoined'), 'the user has joined again')
    assert.notEqual(onlyPid(keepersIn(dataDir)), keeper)
    assert.equal(onlyPid(postmastersIn(dataDir)), postmaster)
    assert.equal((await session)[0]?.['five'], 5)
    await user.leave()
    await allGone(dataDir)
  })

  it('comes back at the same address when PostgreSQL is killed, also after its keeper was', async (t) => {
    const dataDir = await shortFolder(t)
    const user = startUser({ dataDir })
    const { databaseUrl } = await user.joined()
    await query(databaseUrl, 'create table kept as select 1 as one')
    for (const keeperToo of [false, true]) {
      if (keeperToo) {
        kill(onlyPid(keepersIn(dataDir)))
        await until(() => user.said.some((one) => one['changed'] === 'rejoined'), 'the user has joined again')
      }
      const postmaster = onlyPid(postmastersIn(dataDir))
      kill(postmaster)
      await until(() => postmastersIn(dataDir).some(({ pid }) => pid !== postmaster), 'a new server')
      await until(() => answers(databaseUrl), 'the database answers at its old address')
    }
    assert.deepEqual(await query(databaseUrl, 'select one from kept'), [{ one: 1 }])
  })

  it('starts over the trace of a dead server, whether its pid is free or belongs to another program by now', async (t) => {
    const dataDir = await shortFolder(t)
    const user = startUser({ dataDir })
    const { place } = await user.joined()
    const trace = path.join(place, 'postmaster.pid')
    const lines = readFileSync(trace, 'utf8').split('\n')
    await user.leave()
    await allGone(dataDir)
    const dead = spawn('true')
    await once(dead, 'exit')
    // Of the server's own user, because PostgreSQL looks through a pid of another one by itself.
    const foreign = spawn('sleep', ['60'], isRoot ? nobody : {})
    t.after(() => foreign.kill())
    for (const pid of [dead.pid, foreign.pid]) {
      writeFileSync(trace, [pid, ...lines.slice(1)].join('\n'))
      const next = startUser({ dataDir })
      assert.ok(await answers((await next.joined()).databaseUrl))
      await next.leave()
      await allGone(dataDir)
    }
  })

  it('is made whole after a SIGKILL during initdb', async (t) => {
    const dataDir = await shortFolder(t)
    const unlucky = startUser({ dataDir })
    const started = () => readdirSync(dataDir).some((name) => name.startsWith('postgres.new-'))
    await until(
      () => started() && processesIn(dataDir).some(({ command }) => command.includes('initdb')),
      'initdb runs',
    )
    kill(onlyPid(keepersIn(dataDir)))
    await unlucky.kill()
    assert.ok(!existsSync(path.join(dataDir, 'postgres')))
    const next = startUser({ dataDir })
    const { databaseUrl } = await next.joined()
    await query(databaseUrl, 'create table works (n int)')
    await next.leave()
    await allGone(dataDir)
    const again = startUser({ dataDir })
    await query((await again.joined()).databaseUrl, 'select * from works')
    await again.leave()
    await allGone(dataDir)
    assert.ok(!started(), 'the rubbish is cleared away')
  })

  it('does not outlive everybody when keeper and users are killed together', async (t) => {
    const dataDir = await shortFolder(t)
    const user = startUser({ dataDir })
    await user.joined()
    assert.equal(postmastersIn(dataDir).length, 1)
    await user.kill()
    kill(onlyPid(keepersIn(dataDir)))
    await until(() => processesIn(dataDir).length === 0, 'PostgreSQL has ended')
  })

  it('lets a new one begin at once when its folder is deleted under it', async (t) => {
    const dataDir = path.join(await shortFolder(t), 'data')
    const first = startUser({ dataDir, lingerMs: 60_000 })
    await first.joined()
    const keeper = onlyPid(keepersIn(dataDir))
    await rm(dataDir, { recursive: true, maxRetries: 3 })
    const second = startUser({ dataDir })
    const { databaseUrl } = await second.joined()
    await first.leave()
    await until(() => keepersIn(dataDir).every(({ pid }) => pid !== keeper), 'the old keeper ends without its linger')
    await until(() => postmastersIn(dataDir).length === 1, 'the old server ends')
    assert.ok(await answers(databaseUrl), 'and takes nothing of the new one along')
    await second.leave()
    await allGone(dataDir)
  })

  it('keeps fsync on, listens on no network, and asks everybody for the password', async (t) => {
    const dataDir = await shortFolder(t)
    const { databaseUrl } = await startUser({ dataDir }).joined()
    const shown = await query(
      databaseUrl,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
              current_setting('listen_addresses') as network, current_setting('server_encoding') as encoding`,
    )
    assert.deepEqual(shown, [{ fsync: 'on', commit: 'on', network: '', encoding: 'UTF8' }])
    const wrong = new URL(databaseUrl)
    wrong.password = 'guess'
    await assert.rejects(query(wrong.href, 'select 1'), /password authentication failed/)
  })
})
