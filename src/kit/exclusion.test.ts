import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createExclusion } from './exclusion.ts'

it('runs work that is alone after what shares, and what asks to share later after it', async () => {
  const exclusion = createExclusion()
  const seen: string[] = []
  const first = Promise.withResolvers<void>()
  const alone = Promise.withResolvers<void>()
  const all = [
    exclusion.shared(async () => {
      seen.push('first begins')
      await first.promise
      seen.push('first ends')
    }),
    exclusion.alone(async () => {
      seen.push('alone begins')
      await alone.promise
      seen.push('alone ends')
    }),
    exclusion.alone(async () => void seen.push('alone too')),
    exclusion.shared(async () => void seen.push('later')),
  ]
  first.resolve()
  await all[0]
  assert.deepEqual(seen, ['first begins', 'first ends'])
  alone.resolve()
  await Promise.all(all)
  assert.deepEqual(seen, ['first begins', 'first ends', 'alone begins', 'alone ends', 'alone too', 'later'])
})

it('goes on after work that failed', async () => {
  const exclusion = createExclusion()
  const fail = async () => {
    throw new Error('it failed')
  }
  await assert.rejects(exclusion.alone(fail), /it failed/)
  await assert.rejects(exclusion.shared(fail), /it failed/)
  assert.equal(await exclusion.alone(async () => 'alone'), 'alone')
  assert.equal(await exclusion.shared(async () => 'shared'), 'shared')
})
