import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { late, onAbort, Pause, untilAborted, withTimeout } from '../../src/kit/wait.ts'
import { createTestClock } from '../fixtures/clock.ts'

const never = new Promise<never>(() => {})
const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('waiting', () => {
  it('for work ends with the work, its failure or the abort of the signal, and leaves no listener behind', async () => {
    const ending = new AbortController()
    const { signal } = ending
    assert.equal(await untilAborted(signal, Promise.resolve('done')), 'done')
    await assert.rejects(untilAborted(signal, Promise.reject(new Error('broken'))), /broken/)
    assert.equal(listenersOf(signal), 0)
    const aborted = untilAborted(signal, never)
    ending.abort()
    assert.equal(await aborted, undefined)
    assert.equal(await untilAborted(signal), undefined, 'also of a signal that has aborted before')
  })

  it('with a time limit ends at the limit, and a failure after it is nobody’s', async () => {
    const clock = createTestClock()
    const work = Promise.withResolvers<string>()
    const waited = withTimeout(clock, 100, work.promise)
    await clock.advance(100)
    assert.equal(await waited, late)
    work.reject(new Error('too late to matter'))
    assert.equal(await withTimeout(clock, 100, Promise.resolve('in time')), 'in time')
    await assert.rejects(withTimeout(clock, 100, Promise.reject(new Error('broken'))), /broken/)
    const ending = new AbortController()
    const cut = withTimeout(clock, 100, never, ending.signal)
    ending.abort()
    assert.equal(await cut, late)
    assert.deepEqual([clock.sleepers(), listenersOf(ending.signal)], [[], 0], 'no timer and no listener is left')
  })

  it('for a signal calls once, at once when it has aborted, and not after it was cancelled', () => {
    const ending = new AbortController()
    const calls: string[] = []
    onAbort(ending.signal, () => calls.push('cancelled'))()
    onAbort(ending.signal, () => calls.push('waiting'))
    ending.abort()
    onAbort(ending.signal, () => calls.push('late'))
    assert.deepEqual(calls, ['waiting', 'late'])
  })

  it('in a pause ends when its time has come, when somebody ends it, and when the signal aborts', async () => {
    const clock = createTestClock()
    const pause = new Pause(clock)
    const ending = new AbortController()
    const { signal } = ending
    const inTime = pause.rest(50, signal)
    await clock.advance(50)
    assert.equal(await inTime, true)
    const asked = pause.rest(Promise.resolve(50), signal)
    pause.end()
    assert.equal(await asked, false, 'ended while its length was still being asked for')
    const endless = pause.rest(undefined, signal)
    ending.abort()
    assert.equal(await endless, false)
    assert.deepEqual([clock.sleepers(), listenersOf(signal)], [[], 0])
  })
})
