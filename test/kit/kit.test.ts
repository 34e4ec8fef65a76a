import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { createClock } from '../../src/kit/clock.ts'
import { newOrderId, newSecret, parseOrderId } from '../../src/kit/ids.ts'
import { Releasers } from '../../src/kit/releasers.ts'

describe('the clock', () => {
  it('ends a sleep at once when it is aborted, before or during it, and leaves no timer behind', async () => {
    const clock = createClock()
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    await clock.sleep(1e6, AbortSignal.abort())
    const during = new AbortController()
    const sleeping = clock.sleep(1e6, during.signal)
    during.abort()
    await sleeping
    const cancel = clock.after(1e6, () => assert.fail('it was cancelled'))
    cancel()
    assert.equal(timers(), before)
  })

  it('holds on to no signal that outlives the sleep', async () => {
    const { signal } = new AbortController()
    const clock = createClock()
    for (let n = 0; n < 20; n++) await clock.sleep(0, signal)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('never goes back in its own measure, wherever the wall clock stands', () => {
    const clock = createClock({ offsetMs: -3_600_000 })
    assert.ok(clock.now() < Date.now() - 3_000_000)
    const first = clock.monotonicMs()
    assert.ok(clock.monotonicMs() >= first)
  })
})

describe('releasers', () => {
  it('give everything back, last first, also when one fails, and throw the first failure in the end', async () => {
    const order: string[] = []
    const releasers = new Releasers()
    releasers.add('a', () => void order.push('a'))
    releasers.add('b', async () => {
      order.push('b')
      throw new Error('b is stuck')
    })
    releasers.add('c', () => {
      order.push('c')
      throw new Error('c is stuck')
    })
    releasers.add('d', async () => void order.push('d'))
    await assert.rejects(releasers.releaseAll(), (error) => {
      return error instanceof Error && error.message === 'releasing c' && error.cause instanceof Error
    })
    assert.deepEqual(order, ['d', 'c', 'b', 'a'])
  })

  it('give back once, and wait for each before the next', async () => {
    const order: string[] = []
    const releasers = new Releasers()
    releasers.add('first', () => void order.push('first'))
    releasers.add('slow', async () => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push('slow')
    })
    await releasers.releaseAll()
    await releasers.releaseAll()
    assert.deepEqual(order, ['slow', 'first'])
  })
})

describe('ids', () => {
  it('are different each time, and read back only in their own form', () => {
    const ids = new Set(Array.from({ length: 2_000 }, newOrderId))
    assert.equal(ids.size, 2_000)
    for (const id of ids) assert.equal(parseOrderId(id), id)
    for (const other of ['', 'abc', 'ABCDEFGHJKMN', '0123456789abc', 'iiiiiiiiiiii', "'; drop --"])
      assert.equal(parseOrderId(other), undefined)
    assert.match(newSecret(), /^[A-Za-z0-9_-]{43}$/)
  })
})
