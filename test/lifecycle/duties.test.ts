import assert from 'node:assert/strict'
import { it } from 'node:test'
import { FenceLost } from '../../src/faults.ts'
import { startDuties } from '../../src/lifecycle/duties.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

/** A duty whose runs fail with these errors, one after the other. */
async function run(errors: readonly Error[]) {
  const clock = createTestClock()
  const { telemetry, told } = createTelling(clock)
  let runs = 0
  const duty = {
    name: 'work',
    async run() {
      const error = errors[runs++]
      if (error !== undefined) throw error
    },
  }
  const running = startDuties([duty], undefined, { clock, telemetry })
  for (let s = 0; s < 10; s++) await clock.advance(1_000)
  await running.stop()
  return { runs, failures: told.filter(({ event }) => event === 'DUTY_FAILED').map(({ fields }) => fields['error']) }
}

it('a duty that fails is told and tried again', async () => {
  assert.deepEqual(await run([new Error('one'), new Error('two')]), { runs: 3, failures: ['one', 'two'] })
})

it('a duty whose right is over has not failed, and goes on when the right is given back', async () => {
  assert.deepEqual(await run([new FenceLost('the permit is over'), new Error('one')]), { runs: 3, failures: ['one'] })
})
