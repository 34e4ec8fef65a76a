import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { type Clock, createClock } from '../../src/kit/clock.ts'
import type { Held, Holder, Leadership } from '../../src/lifecycle/leadership.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { until } from '../fixtures/person.ts'

/** One authority, opened for tests. */
export type LeadershipEngine = {
  /** One more instance that may lead; its renewals go by `clock`. */
  contender(name: string, clock?: Clock): Leadership
  /** The process of the holder dies, and its connection with it. */
  killHolder(): Promise<void>
  /** While it runs, the authority takes no renewal. */
  withoutRenewals(work: () => Promise<void>): Promise<void>
  /** The same authority at an address where nobody answers. */
  unreachable(): Leadership
  /** Whose lease somebody took away. */
  readonly ended: readonly string[]
  /** As the contenders were told. */
  readonly leaseMs: number
  readonly renewEveryMs: number
  readonly freshMs: number
}

/** Time goes on, and nothing that slept wakes up until the thaw: how a process is that is stopped or swapped out. */
function frozenClock(): Clock & { thaw(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const aborted = (signal?: AbortSignal) =>
    new Promise<void>((wake) => signal?.addEventListener('abort', () => wake(), { once: true }))
  return { ...createClock(), sleep: (_, signal) => Promise.race([promise, aborted(signal)]), thaw: resolve }
}

/** Holds an authority to the promises that `src/lifecycle/leadership.ts` makes. */
export function leadershipContract(name: string, engine: LeadershipEngine): void {
  const given: Held[] = []
  async function lead(contender: Leadership, onWaiting: (holder: Holder) => void = () => {}): Promise<Held> {
    const held = await contender.acquire(new AbortController().signal, onWaiting)
    assert.ok(held, 'nobody aborted, and yet nothing was held')
    given.push(held)
    return held
  }

  describe(`leadership by ${name}`, () => {
    afterEach(async () => {
      for (const held of given.splice(0)) await held.release()
    })

    it('has at most one holder among ten contenders, each in turn, and each with a higher epoch', async () => {
      let holders = 0
      const reigns: { epoch: number; how: string }[] = []
      await Promise.all(
        Array.from({ length: 10 }, async (_, n) => {
          const { epoch, how, release } = await lead(engine.contender(`of-ten-${n}`))
          holders += 1
          assert.equal(holders, 1)
          reigns.push({ epoch, how })
          // Somebody else would come in between, if anybody could.
          await new Promise((resolve) => setImmediate(resolve))
          holders -= 1
          assert.equal(await release(), 'released')
        }),
      )
      const epochs = reigns.map(({ epoch }) => epoch)
      assert.deepEqual(
        epochs,
        [...epochs].sort((a, b) => a - b),
      )
      assert.equal(new Set(epochs).size, 10)
      assert.deepEqual(
        reigns.map(({ how }) => how),
        ['immediate', ...Array(9).fill('takeover')],
      )
    })

    it('says who leads instead, once for each', async () => {
      const first = await lead(engine.contender('first'))
      const seen: string[] = []
      const second = lead(engine.contender('second'), ({ instance }) => seen.push(instance))
      await until(() => seen.length > 0, 'somebody was named')
      await first.release()
      await (await second).release()
      assert.deepEqual(seen, ['first'])
    })

    it('replaces a killed holder at once, and tells it', async () => {
      const first = await lead(engine.contender('killed'))
      const waits = Promise.withResolvers<void>()
      const second = lead(engine.contender('heir'), () => waits.resolve())
      await waits.promise
      await engine.killHolder()
      const heir = await second
      assert.equal(heir.how, 'takeover')
      assert.ok(heir.epoch > first.epoch)
      assert.ok(heir.waitedMs < engine.leaseMs, `${heir.waitedMs} ms: that is a lease, not at once`)
      assert.notEqual(await first.lost, '')
      assert.equal(first.isFresh(), false)
      assert.equal(await first.release(), 'skipped')
    })

    it('replaces a frozen holder within its lease, by one of those who wait, when it knows that it is not fresh', async () => {
      const clock = frozenClock()
      const frozen = await lead(engine.contender('frozen', clock))
      const before = engine.ended.length
      const wasFresh: boolean[] = []
      const reigns = await Promise.all(
        ['heir-1', 'heir-2', 'heir-3'].map(async (each) => {
          const held = await lead(engine.contender(each))
          wasFresh.push(frozen.isFresh())
          await held.release()
          return held
        }),
      )
      assert.deepEqual(wasFresh, [false, false, false])
      assert.deepEqual(engine.ended.slice(before), ['frozen'])
      assert.ok(reigns.every(({ epoch }) => epoch > frozen.epoch))
      clock.thaw()
      assert.notEqual(await frozen.lost, '')
    })

    it('leaves a holder alone that renews, however long somebody waits', async () => {
      const first = await lead(engine.contender('steady'))
      const before = engine.ended.length
      const waiting = new AbortController()
      const second = engine.contender('patient').acquire(waiting.signal, () => {})
      const since = performance.now()
      await until(() => performance.now() - since > 3 * engine.leaseMs, 'three leases have passed')
      assert.equal(first.isFresh(), true)
      waiting.abort()
      assert.equal(await second, undefined)
      assert.equal(engine.ended.length, before)
      assert.equal(await first.release(), 'released')
    })

    it('is not fresh any more when no renewal was answered for a while, and then it is lost', async () => {
      const clock = createTestClock()
      const held = await lead(engine.contender('cut-off', clock))
      await engine.withoutRenewals(async () => {
        await clock.advance(engine.renewEveryMs)
        await clock.advance(engine.freshMs - engine.renewEveryMs - 1)
        assert.equal(held.isFresh(), true)
        await clock.advance(1)
        assert.equal(held.isFresh(), false)
        await held.lost
      })
      assert.equal(await held.release(), 'skipped')
    })

    it('knows by its own clock that it is not fresh, before any news has reached it', async () => {
      let time = 0
      const held = await lead(engine.contender('stopped', { ...frozenClock(), monotonicMs: () => time }))
      time = engine.freshMs - 1
      assert.equal(held.isFresh(), true)
      time = engine.freshMs
      assert.equal(held.isFresh(), false)
      assert.ok(engine.freshMs < engine.leaseMs)
    })

    it('gives back once, and is free for the next one then', async () => {
      const first = await lead(engine.contender('giver'))
      assert.equal(await first.release(), 'released')
      assert.equal(await first.release(), 'skipped')
      assert.equal(first.isFresh(), false)
      assert.equal((await lead(engine.contender('next'))).how, 'immediate')
    })

    it('stops waiting when it is told to, and takes nothing when it was told before', async () => {
      const first = await lead(engine.contender('holder'))
      const waiting = new AbortController()
      const seen = Promise.withResolvers<void>()
      const second = engine.contender('waiter').acquire(waiting.signal, () => seen.resolve())
      await seen.promise
      waiting.abort()
      assert.equal(await second, undefined)
      await first.release()
      assert.equal(await engine.contender('too late').acquire(AbortSignal.abort(), () => {}), undefined)
      assert.equal((await lead(engine.contender('next'))).how, 'immediate')
    })

    it('rejects when the authority cannot be asked: nobody leads by default', async () => {
      await assert.rejects(engine.unreachable().acquire(new AbortController().signal, () => {}))
    })
  })
}
