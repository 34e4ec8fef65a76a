import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { patience } from '../fixtures/patience.ts'

const exitGuard = fileURLToPath(new URL('../../src/kit/exit-guard.ts', import.meta.url))
const endOf = (open: string) =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { startExitGuard } from ${JSON.stringify(exitGuard)}
       ${open}
       process.exitCode = 3
       startExitGuard((line) => process.stderr.write(line))`,
    ],
    { encoding: 'utf8', timeout: patience(20_000) },
  )

test('a process that is done ends by itself and says nothing', () => {
  const { status, stderr } = endOf('')
  assert.deepEqual({ status, stderr }, { status: 3, stderr: '' })
})

test('one that something holds names it, and ends with the code it was to end with', () => {
  const { status, stderr } = endOf(`setInterval(() => {}, 60_000)`)
  assert.equal(status, 3)
  assert.match(stderr, /is held by Timeout; it ends/)
})
