import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createClock } from '../../src/kit/clock.ts'
import { createWarmUp, type WarmUpTask } from '../../src/preflight/warm-up.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The warm-up alone, with a budget of fifteen seconds of a clock that the test moves. */
function start(tasks: readonly WarmUpTask[], { budgetMs = 15_000 }: { readonly budgetMs?: number } = {}) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const over = new AbortController()
  const running = createWarmUp({ tasks, budgetMs, clock, telemetry: telling.telemetry }).run(undefined, over.signal)
  return { clock, ...telling, running, stop: () => over.abort() }
}

const quick: WarmUpTask = { name: 'quick', run: async () => 'warm' }
const hangs: WarmUpTask = { name: 'hangs', run: () => new Promise(() => {}) }

/** What nobody catches while `work` runs, and in the turns of the loop after it. */
async function rejectionsDuring(work: () => Promise<void>): Promise<readonly unknown[]> {
  const uncaught: unknown[] = []
  const hear = (reason: unknown) => void uncaught.push(reason)
  process.on('unhandledRejection', hear)
  try {
    await work()
    for (let turns = 0; turns < 5; turns++) await turn()
  } finally {
    process.off('unhandledRejection', hear)
  }
  return uncaught
}

describe('a warm-up', () => {
  it('that is through says so, with the time it took, and leaves nobody waiting for its budget', async () => {
    const slow = Promise.withResolvers<void>()
    const { clock, running, fieldsOf, told } = start([quick, { name: 'slow', run: () => slow.promise }])
    await clock.advance(400)
    assert.equal(told.length, 0, 'nothing is said before all of it is through')
    slow.resolve()
    await running
    assert.deepEqual(fieldsOf('BOOT_WARMUP_DONE'), [{ elapsed_ms: 400 }])
    assert.equal(told.length, 1)
    assert.deepEqual(clock.sleepers(), [])
  })

  for (const [how, run] of [
    ['rejects', async () => Promise.reject(new Error('no route to host'))],
    [
      'throws',
      () => {
        throw new Error('not even begun')
      },
    ],
  ] as const) {
    it(`of which one ${how} is through all the same, and names it`, async () => {
      const { running, fieldsOf, events } = start([{ name: 'broken', run }, quick])
      await running
      assert.deepEqual(fieldsOf('BOOT_WARMUP_DONE'), [{ elapsed_ms: 0, failed: 'broken' }])
      assert.deepEqual(events('BOOT_WARMUP_CANCELLED'), [])
    })
  }

  it('that hangs is cut at its budget, not before, and says that it was', async () => {
    let isCut = false
    const obeys: WarmUpTask = {
      name: 'obeys',
      run: (signal) => new Promise(() => signal.addEventListener('abort', () => (isCut = true))),
    }
    const { clock, running, fieldsOf, told } = start([hangs, obeys, quick])
    await clock.advance(14_999)
    assert.equal(told.length, 0)
    await clock.advance(1)
    await running
    assert.deepEqual(fieldsOf('BOOT_WARMUP_CANCELLED'), [{ elapsed_ms: 15_000, budget_ms: 15_000 }])
    assert.equal(told.length, 1, 'and never that it is done')
    assert.ok(isCut, 'whoever listens is told to end')
    assert.deepEqual(clock.sleepers(), [])
  })

  for (const [how, end] of [
    ['ends', (late: PromiseWithResolvers<void>) => late.resolve()],
    ['rejects', (late: PromiseWithResolvers<void>) => late.reject(new Error('too late'))],
  ] as const) {
    it(`that ${how} after it was cut is heard by nobody: no line, no rejection`, async () => {
      const late = Promise.withResolvers<void>()
      const { clock, running, told } = start([{ name: 'late', run: () => late.promise }])
      const uncaught = await rejectionsDuring(async () => {
        await clock.advance(15_000)
        await running
        end(late)
      })
      assert.deepEqual(uncaught, [])
      assert.deepEqual(
        told.map(({ event }) => event),
        ['BOOT_WARMUP_CANCELLED'],
      )
    })
  }

  it('is cut by a stop at once', async () => {
    const { clock, running, stop, fieldsOf } = start([hangs])
    await clock.advance(300)
    stop()
    await running
    assert.deepEqual(fieldsOf('BOOT_WARMUP_CANCELLED'), [{ elapsed_ms: 300, budget_ms: 15_000 }])
    assert.deepEqual(clock.sleepers(), [])
  })

  it('without a budget begins nothing', async () => {
    let began = 0
    const any: WarmUpTask = {
      name: 'any',
      run: async () => {
        began += 1
      },
    }
    const { running, told } = start([any], { budgetMs: 0 })
    await running
    assert.equal(began, 0)
    assert.equal(told.length, 0)
  })

  it('leaves no timer of the machine’s clock behind, whether it was through or cut', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    const clock = createClock()
    const { telemetry, events } = createTelling(clock)
    const never = new AbortController().signal
    await createWarmUp({ tasks: [quick], budgetMs: 60_000, clock, telemetry }).run(undefined, never)
    await createWarmUp({ tasks: [hangs], budgetMs: 5, clock, telemetry }).run(undefined, never)
    assert.deepEqual(events(), ['BOOT_WARMUP_DONE', 'BOOT_WARMUP_CANCELLED'])
    assert.equal(timers(), before)
  })
})
