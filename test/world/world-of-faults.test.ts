import { describe, it } from 'node:test'
import { chooser, isAll } from '../fixtures/seed.ts'
import { walk } from './walk.ts'

/**
 * Everything at once: people, orders and payments in a world that breaks at random, and each order must end right. A usual
 * run walks three numbers, which follow from its seed; `npm run test:all` walks 200. One number is walked again by
 * `TRT_TEST_WORLD=<number> node --test test/world/world-of-faults.test.ts`.
 */
const given = process.env['TRT_TEST_WORLD']
const choose = chooser('the world of faults')
const numbers =
  given === undefined ? Array.from({ length: isAll ? 200 : 3 }, () => choose(1_000_000)) : given.split(',').map(Number)

describe('in a world of faults every order ends right and nobody is left in silence', { concurrency: 3 }, () => {
  for (const number of numbers) {
    it(`TRT_TEST_WORLD=${number} node --test test/world/world-of-faults.test.ts`, async () => {
      const story = await walk(number)
      if (given !== undefined) console.log(story.join('\n'))
    })
  }
})
