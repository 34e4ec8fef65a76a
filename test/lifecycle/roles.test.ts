import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instanceId } from '../../src/kit/ids.ts'
import { type Duty, every, startDuties, workDuty } from '../../src/lifecycle/duties.ts'
import type { Held, Holder, Leadership } from '../../src/lifecycle/leadership.ts'
import { Lifecycle } from '../../src/lifecycle/lifecycle.ts'
import type { LeaderPermit, WorkerPermit } from '../../src/permit.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

/** What the authority does at one try: gives the leadership, lets wait, or cannot be asked. */
type Try =
  | { readonly gives: number; readonly how?: Held['how'] }
  | { readonly holder: string }
  | { readonly fails: string }

/** Lets whatever is under way come to rest. */
const settled = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve))
}

/** An authority that follows a script, and a lifecycle with one duty that writes down when it runs. */
function setup(
  tries: readonly Try[],
  options: { readonly release?: Held['release']; readonly lingers?: boolean } = {},
) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const seen: string[] = []
  const script = [...tries]
  let lose: (reason: string) => void = () => {}
  let linger = () => {}

  function heldOf({ gives: epoch, how = 'immediate' }: Extract<Try, { gives: number }>): Held {
    const lost = Promise.withResolvers<string>()
    let isLost = false
    lose = (reason) => {
      isLost = true
      lost.resolve(reason)
    }
    return {
      epoch,
      how,
      waitedMs: 0,
      isFresh: () => !isLost,
      lost: lost.promise,
      release: options.release ?? (async () => (isLost ? 'skipped' : 'released')),
    }
  }
  const leadership: Leadership = {
    async acquire(signal, onWaiting: (holder: Holder) => void) {
      for (;;) {
        const next = script.shift()
        if (next !== undefined && 'fails' in next) throw new Error(next.fails)
        if (next !== undefined && 'gives' in next) return heldOf(next)
        if (next !== undefined) {
          onWaiting({ instance: next.holder, since: '2026-01-12T12:00:00.000Z' })
          continue
        }
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
        return undefined
      }
    },
  }
  const duty: Duty<LeaderPermit> = {
    name: 'work',
    async run({ epoch }, signal) {
      seen.push(`+work ${epoch}`)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      if (options.lingers) {
        await new Promise<void>((resolve) => {
          linger = resolve
        })
      }
      seen.push(`-work ${epoch}`)
    },
  }
  const lifecycle = new Lifecycle({
    leadership,
    leadershipName: { backend: 'postgres', key: 'test' },
    duties: [duty],
    onRole: (role) => seen.push(role),
    clock,
    telemetry: telling.telemetry,
  })
  lifecycle.start()
  return { ...telling, lifecycle, clock, seen, lose: (reason: string) => lose(reason), endDuty: () => linger() }
}

describe('the one door between roles', () => {
  it('keeps the webhook when the lock was free at its very first try: the duties start as after a takeover', async () => {
    const { lifecycle, seen, events, fieldsOf } = setup([{ gives: 1 }])
    await settled()
    assert.deepEqual(seen, ['active', '+work 1'])
    assert.equal(lifecycle.epoch, 1)
    assert.deepEqual(events('LOCK_ATTEMPT', 'LOCK_ACQUIRED', 'ACTIVE_ENTER', 'PASSIVE_ENTER'), [
      'LOCK_ATTEMPT',
      'LOCK_ACQUIRED',
      'ACTIVE_ENTER',
    ])
    assert.equal(fieldsOf('ACTIVE_ENTER')[0]?.['how'], 'immediate')
    await lifecycle.stop()
  })

  it('starts the duties after a takeover, having said whom it waited for', async () => {
    const { lifecycle, seen, fieldsOf } = setup([{ holder: 'other' }, { gives: 5, how: 'takeover' }])
    await settled()
    assert.deepEqual(seen, ['passive', 'active', '+work 5'])
    assert.equal(lifecycle.epoch, 5)
    assert.equal(fieldsOf('PASSIVE_ENTER')[0]?.['holder'], 'other')
    assert.equal(fieldsOf('ACTIVE_ENTER')[0]?.['how'], 'takeover')
    await lifecycle.stop()
  })

  it('starts the duties again when it leads again, in the new epoch', async () => {
    const { lifecycle, seen, lose, fieldsOf } = setup([{ gives: 1 }, { gives: 3, how: 'takeover' }])
    await settled()
    lose('the connection ended')
    await settled()
    assert.deepEqual(seen, ['active', '+work 1', 'passive', '-work 1', 'active', '+work 3'])
    assert.deepEqual(
      fieldsOf('ACTIVE_ENTER').map(({ how }) => how),
      ['immediate', 'regained'],
    )
    assert.equal(lifecycle.lastEpoch, 1)
    await lifecycle.stop()
  })

  it('asks for the leadership again only when the duties of the lost one have ended', async () => {
    const { lifecycle, seen, lose, endDuty, events } = setup([{ gives: 1 }, { gives: 2 }], { lingers: true })
    await settled()
    lose('the lease ran out')
    await settled()
    assert.deepEqual(seen, ['active', '+work 1', 'passive'])
    assert.equal(events('LOCK_ATTEMPT').length, 1)
    endDuty()
    await settled()
    assert.deepEqual(seen, ['active', '+work 1', 'passive', '-work 1', 'active', '+work 2'])
    const stopping = lifecycle.stop()
    await settled()
    endDuty()
    await stopping
  })

  it('stands by while the authority cannot be asked, and asks again every second', async () => {
    const { lifecycle, clock, seen, events } = setup([{ fails: 'no database' }, { fails: 'no database' }, { gives: 1 }])
    await settled()
    assert.deepEqual(seen, ['passive'])
    await clock.advance(1_000)
    await clock.advance(1_000)
    await settled()
    assert.deepEqual(seen, ['passive', 'active', '+work 1'])
    assert.equal(events('LOCK_ATTEMPT').length, 3)
    await lifecycle.stop()
  })

  it('gives back the leadership after the duties have ended, and says so', async () => {
    const { lifecycle, seen, events } = setup([{ gives: 1 }])
    await settled()
    await lifecycle.stop()
    assert.deepEqual(seen, ['active', '+work 1', 'stopping', '-work 1', 'stopped'])
    assert.deepEqual(events('LOCK_RELEASED', 'LOCK_RELEASE_SKIPPED', 'LOCK_RELEASE_FAILED'), ['LOCK_RELEASED'])
    assert.equal(lifecycle.role, 'stopped')
    await lifecycle.stop()
    assert.equal(seen.length, 5)
  })

  for (const [what, tries] of [
    ['it still boots', []],
    ['it stands by', [{ holder: 'other' }]],
    ['the authority is away', [{ fails: 'no database' }]],
  ] as const) {
    it(`is closed for good when ${what}, and there is nothing to give back`, async () => {
      const { lifecycle, seen, events } = setup(tries)
      await settled()
      await lifecycle.stop()
      assert.deepEqual(seen.slice(-2), ['stopping', 'stopped'])
      assert.equal(events('LOCK_RELEASE_SKIPPED').length, 1)
    })
  }

  it('says what became of a release that failed, and is closed all the same', async () => {
    const { lifecycle, fieldsOf } = setup([{ gives: 1 }], {
      release: () => Promise.reject(new Error('the database did not answer')),
    })
    await settled()
    await lifecycle.stop()
    assert.match(String(fieldsOf('LOCK_RELEASE_FAILED')[0]?.['error']), /did not answer/)
    assert.equal(lifecycle.role, 'stopped')
  })
})

describe('duties', () => {
  function start(duties: readonly Duty<string>[]) {
    const clock = createTestClock()
    const telling = createTelling(clock)
    return { clock, ...telling, running: startDuties(duties, 'right', { clock, telemetry: telling.telemetry }) }
  }
  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

  it('that fail are told and tried again after growing pauses, and end no other', async () => {
    let tries = 0
    let others = 0
    const { clock, running, fieldsOf } = start([
      {
        name: 'broken',
        run: async () => {
          tries += 1
          throw new Error('no database')
        },
      },
      {
        name: 'steady',
        run: async (_, signal) => {
          others += 1
          await untilAborted(signal)
        },
      },
    ])
    await settled()
    await clock.advance(120_000)
    const pauses = fieldsOf('DUTY_FAILED').map((fields) => fields['retry_in_s'])
    assert.deepEqual(pauses.slice(0, 9), [0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    assert.equal(tries, pauses.length)
    assert.equal(others, 1)
    await running.stop()
  })

  it('that people wait for are tried again within two seconds, however long what they need was away', async () => {
    const clock = createTestClock()
    const { telemetry, fieldsOf } = createTelling(clock)
    const duty = workDuty('work', () => Promise.reject(new Error('no database')))
    const permit: WorkerPermit = { kind: 'worker', instance: instanceId('one'), incarnation: 1, isFresh: () => true }
    const running = startDuties([duty], permit, { clock, telemetry })
    await clock.advance(60_000)
    const pauses = fieldsOf('DUTY_FAILED').map((fields) => fields['retry_in_s'])
    assert.deepEqual(pauses.slice(0, 3), [0.5, 1, 2])
    assert.deepEqual(new Set(pauses.slice(3)), new Set([2]))
    await running.stop()
  })

  it('that fail after having run for long begin with the shortest pause', async () => {
    const clock = createTestClock()
    const { telemetry, fieldsOf } = createTelling(clock)
    const duty: Duty<string> = {
      name: 'long',
      run: async (_, signal) => {
        await clock.sleep(31_000, signal)
        throw new Error('once in a while')
      },
    }
    const running = startDuties([duty], '', { clock, telemetry })
    await clock.advance(100_000)
    assert.deepEqual(
      fieldsOf('DUTY_FAILED').map((fields) => fields['retry_in_s']),
      [0.5, 0.5, 0.5],
    )
    await running.stop()
  })

  it('are aborted and awaited, and one that throws because of it has not failed', async () => {
    let ended = false
    const { running, events } = start([
      {
        name: 'slow',
        run: async (_, signal) => {
          await untilAborted(signal)
          await settled()
          ended = true
        },
      },
      {
        name: 'abrupt',
        run: async (_, signal) => {
          await untilAborted(signal)
          throw new Error('aborted')
        },
      },
    ])
    await settled()
    await running.stop()
    assert.equal(ended, true)
    assert.deepEqual(events('DUTY_FAILED'), [])
  })

  it('are stopped in the middle of a pause', async () => {
    const { running, clock } = start([{ name: 'broken', run: () => Promise.reject(new Error('no')) }])
    await settled()
    await running.stop()
    assert.deepEqual(clock.sleepers(), [])
  })

  it('that do not end in time are named and left behind, so that a stop always comes to its end', async () => {
    const { running, clock, fieldsOf } = start([{ name: 'deaf', run: () => new Promise(() => {}) }])
    const stopping = running.stop()
    await clock.advance(12_000)
    await stopping
    assert.equal(fieldsOf('DUTIES_ABANDONED')[0]?.['duties'], 'deaf')
  })

  it('that repeat do so at once and then at their pace', async () => {
    const clock = createTestClock()
    const { telemetry } = createTelling(clock)
    let times = 0
    const duty = every<string>('again', 5_000, clock, async () => {
      times += 1
    })
    const running = startDuties([duty], '', { clock, telemetry })
    await settled()
    assert.equal(times, 1)
    await clock.advance(15_000)
    assert.equal(times, 4)
    await running.stop()
  })
})
