import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { instant } from '../../src/kit/clock.ts'
import { instanceId } from '../../src/kit/ids.ts'
import { createLeaderWatch, type LeaderWatchDeps } from '../../src/lifecycle/leader-watch.ts'
import type { Role } from '../../src/lifecycle/lifecycle.ts'
import { claimAlert } from '../../src/storage/postgres/alerts.ts'
import { createTestClock, type TestClock } from '../fixtures/clock.ts'
import { patience } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** A standby that looks whether anybody leads; what operators were told is kept in a real database. */
const { database, rows } = await openStorage()

type Leader = Awaited<ReturnType<LeaderWatchDeps['readLeader']>>

/** What all standbys of one test see. */
function world() {
  const leader: { row: Leader; isReadable: boolean } = {
    row: { instance: 'the-leader', silentMs: 500 },
    isReadable: true,
  }
  return leader
}

/** Starts a watch, with a clock in which nobody else sleeps unless one is given. */
async function stand(
  t: TestContext,
  leader: ReturnType<typeof world>,
  { name = 'standby1', clock = createTestClock(), role = 'passive' }: Partial<Wish> = {},
) {
  const telling = createTelling(clock)
  const seen: { role: Role } = { role }
  const messages: string[] = []
  const watch = createLeaderWatch({
    role: () => seen.role,
    async readLeader() {
      if (!leader.isReadable) throw new Error('no database')
      return leader.row
    },
    async claim(alert) {
      if (!leader.isReadable) throw new Error('no database')
      return await claimAlert(database.monitor, { ...alert, since: clock.now(), toldAt: clock.now() }, instant(0))
    },
    tellNow: async (text) => void messages.push(text),
    shop: 'main',
    instance: instanceId(name),
    clock,
    telemetry: telling.telemetry,
  })
  const over = new AbortController()
  const running = watch.duty.run(undefined, over.signal)
  t.after(async () => {
    over.abort()
    await running
  })
  /** Until the watch rests between two looks: a look asks a real database. */
  const rests = () => until(() => clock.sleepers().length > 0, 'the watch rests')
  await rests()
  return {
    ...telling,
    ...watch,
    messages,
    become: (next: Role) => {
      seen.role = next
    },
    /** Look after look, each to its end. */
    async passes(seconds: number): Promise<void> {
      for (let s = 0; s < seconds; s += 10) {
        await clock.advance(10_000)
        await rests()
      }
    },
  }
}
type Wish = { readonly name: string; readonly clock: TestClock; readonly role: Role }

const isLeft = () => rows<{ key: string }>('select key from operator_causes')
const forget = () => rows('truncate operator_causes')

describe('a standby that sees nobody lead', () => {
  it('tells it after a minute, with the name of the last to lead, again after five minutes, and no more', async (t) => {
    await forget()
    const leader = world()
    const standby = await stand(t, leader)
    await standby.passes(30)
    // Whoever held it is gone from the row, and its name is known all the same.
    leader.row = { silentMs: 60_000 }
    await standby.passes(60)
    assert.deepEqual(standby.messages, [], 'not before a minute')
    await standby.passes(10)
    assert.equal(standby.messages.length, 1)
    assert.match(standby.messages[0] ?? '', /NOBODY_ACTIVE \(main\)\nNo instance has led for 60 s/)
    assert.match(standby.messages[0] ?? '', /The last to lead was instance the-leader\..*Run: trt lock show/s)
    assert.equal(standby.nobodyForMs(), 60_000)
    await standby.passes(230)
    assert.equal(standby.messages.length, 1)
    await standby.passes(10)
    assert.match(standby.messages[1] ?? '', /No instance has led for 5 min/)
    await standby.passes(1_200)
    assert.equal(standby.messages.length, 2)
    assert.deepEqual(
      standby.fieldsOf('NOBODY_ACTIVE').map((fields) => [fields['for_s'], fields['holder']]),
      [
        [60, 'the-leader'],
        [300, 'the-leader'],
      ],
    )
  })

  it('says so when nobody is known to have led', async (t) => {
    await forget()
    const leader = world()
    leader.row = undefined
    const standby = await stand(t, leader)
    await standby.passes(60)
    assert.match(standby.messages[0] ?? '', /Nobody is known to have led/)
  })

  it('counts anew when somebody led in between, and says nothing of a pause that is shorter than a minute', async (t) => {
    await forget()
    const leader = world()
    const standby = await stand(t, leader)
    for (let pauses = 0; pauses < 3; pauses++) {
      leader.row = { instance: 'the-leader', silentMs: 16_000 }
      await standby.passes(50)
      leader.row = { instance: 'another', silentMs: 900 }
      await standby.passes(10)
      assert.equal(standby.nobodyForMs(), 0)
    }
    assert.deepEqual(standby.messages, [])
    assert.equal(standby.fieldsOf('NOBODY_ACTIVE').length, 0)
  })

  it('tells it again when nobody leads another time', async (t) => {
    const leader = world()
    const standby = await stand(t, leader)
    for (let times = 0; times < 2; times++) {
      await forget()
      leader.row = { instance: 'the-leader', silentMs: 16_000 }
      await standby.passes(300)
      leader.row = { instance: 'another', silentMs: 900 }
      await standby.passes(10)
    }
    const minutes = standby.messages.map((text) => /for (60 s|5 min|4 min)/.exec(text)?.[1])
    assert.deepEqual(minutes, ['60 s', '60 s'])
  })

  it('does not take a leader for gone whose last sign of life is a few seconds old', async (t) => {
    await forget()
    const leader = world()
    leader.row = { instance: 'the-leader', silentMs: 14_000 }
    const standby = await stand(t, leader)
    await standby.passes(120)
    assert.deepEqual(standby.messages, [])
  })

  it('is one of several: a alert is told once, by whichever asks first', async (t) => {
    await forget()
    const leader = world()
    leader.row = { instance: 'the-leader', silentMs: 99_000 }
    const standbys = await Promise.all(['standby1', 'standby2', 'standby3'].map((name) => stand(t, leader, { name })))
    await Promise.all(standbys.map((each) => each.passes(60)))
    const all = () => standbys.flatMap(({ messages }) => messages)
    assert.equal(all().length, 1)
    assert.equal(standbys.flatMap(({ fieldsOf }) => fieldsOf('NOBODY_ACTIVE')).length, 3, 'every log says it')
    await Promise.all(standbys.map((each) => each.passes(240)))
    assert.equal(all().length, 2)
    assert.deepEqual(await isLeft(), [{ key: 'nobody_active' }], 'for whoever leads next to tell that it has passed')
  })

  it('tells it also without a database, and then itself that it has passed', async (t) => {
    await forget()
    const leader = world()
    const standby = await stand(t, leader)
    leader.isReadable = false
    await standby.passes(70)
    assert.equal(standby.messages.length, 1)
    assert.match(standby.messages[0] ?? '', /The last to lead was instance the-leader/)
    leader.isReadable = true
    await standby.passes(10)
    assert.match(standby.messages[1] ?? '', /^✅ Resolved: NOBODY_ACTIVE \(main\), after 70 s$/)
    await standby.passes(60)
    assert.equal(standby.messages.length, 2)
  })

  it('leaves it to the next leader to tell that it has passed when it could write it down in the end', async (t) => {
    await forget()
    const leader = world()
    const standby = await stand(t, leader)
    leader.isReadable = false
    await standby.passes(70)
    leader.isReadable = true
    leader.row = { instance: 'the-leader', silentMs: 80_000 }
    await standby.passes(240)
    assert.equal(standby.messages.length, 2)
    assert.equal((await isLeft()).length, 1)
    leader.row = { instance: 'another', silentMs: 100 }
    await standby.passes(20)
    assert.equal(standby.messages.length, 2)
  })

  it('stops counting when it leads itself, and looks at nobody while it boots or stops', async (t) => {
    await forget()
    const leader = world()
    leader.row = { instance: 'the-leader', silentMs: 99_000 }
    const standby = await stand(t, leader, { role: 'booting' })
    await standby.passes(120)
    assert.equal(standby.nobodyForMs(), 0)
    standby.become('passive')
    await standby.passes(50)
    assert.equal(standby.nobodyForMs(), 40_000)
    standby.become('active')
    await standby.passes(10)
    assert.equal(standby.nobodyForMs(), 0)
    standby.become('stopping')
    await standby.passes(120)
    assert.deepEqual(standby.messages, [])
  })
})

describe('the watchdog', { concurrency: true }, () => {
  /** A process of its own under a watchdog of `seconds`, which does what `then` says. */
  async function life(then: string, seconds = 2): Promise<{ readonly signal: string | null; readonly said: string }> {
    const watchdog = new URL('../../src/health/watchdog.ts', import.meta.url).href
    const program = `
      import { startWatchdog } from ${JSON.stringify(watchdog)}
      const everySecond = (beat) => {
        const timer = setInterval(beat, 100)
        timer.unref()
        return () => clearInterval(timer)
      }
      const watchdog = startWatchdog(everySecond, ${seconds})
      ${then}`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    const chunks: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    const giveUp = setTimeout(() => child.kill('SIGTERM'), patience(15_000))
    const [, signal] = await once(child, 'close')
    clearTimeout(giveUp)
    return { signal: typeof signal === 'string' ? signal : null, said: Buffer.concat(chunks).toString('utf8') }
  }

  it('ends a process whose loop is blocked, and says why', async () => {
    const { signal, said } = await life('for (;;);')
    assert.equal(signal, 'SIGKILL')
    assert.match(said, /The event loop was blocked for 2 s; this process ends\./)
  })

  it('leaves one alone that is busy and still answers, keeps none alive, and ends with its owner', async () => {
    const [busy, ended, stopped] = await Promise.all([
      life(
        `const until = performance.now() + 3_600
        const work = () => {
          const pause = performance.now() + 300
          while (performance.now() < pause);
          if (performance.now() < until) setTimeout(work, 150)
        }
        work()`,
        3,
      ),
      life(''),
      life('await watchdog.stop(); const until = performance.now() + 3_400; while (performance.now() < until);', 1),
    ])
    assert.deepEqual(busy, { signal: null, said: '' })
    assert.deepEqual(ended, { signal: null, said: '' }, 'a process that has nothing to do ends')
    assert.deepEqual(stopped, { signal: null, said: '' }, 'a watchdog that is stopped watches nobody')
  })
})
