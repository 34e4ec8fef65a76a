import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bufferCharactersMax, bufferLinesMax, createLogWriter } from '../../src/kit/log-writer.ts'

/** A reader that takes a write when the test says so; `dropped` becomes a line as telemetry would make one. */
function reader() {
  const writes: string[] = []
  const waiting: (() => void)[] = []
  let isStill = false
  const out = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      writes.push(text)
      if (isStill) waiting.push(done)
      else done()
    },
  })
  const log = createLogWriter(out, (count) => log.write(`dropped ${count}\n`))
  return {
    log,
    writes,
    standStill: () => {
      isStill = true
    },
    async goOn() {
      isStill = false
      for (const done of waiting.splice(0)) done()
      await endOfTurn()
      await endOfTurn()
    },
  }
}

describe('the log', () => {
  it('is one write for all lines of one turn of the event loop, in their order', async () => {
    const { log, writes } = reader()
    for (const line of ['a\n', 'b\n', 'c\n']) log.write(line)
    assert.deepEqual(writes, [])
    await endOfTurn()
    log.write('d\n')
    await endOfTurn()
    assert.deepEqual(writes, ['a\nb\nc\n', 'd\n'])
  })

  const limits = [
    { what: 'lines', line: 'x\n', fits: bufferLinesMax },
    { what: 'characters', line: `${'x'.repeat(1023)}\n`, fits: bufferCharactersMax / 1024 },
  ]
  for (const { what, line, fits } of limits) {
    it(`keeps so many ${what} for a reader that stands still, drops the others, and says how many`, async () => {
      const { log, writes, standStill, goOn } = reader()
      standStill()
      for (let n = 0; n < fits + 7; n++) log.write(line)
      await endOfTurn()
      log.write(line)
      await goOn()
      log.write('after\n')
      await endOfTurn()
      assert.equal(writes.join(''), `${line.repeat(fits)}dropped 8\nafter\n`)
    })
  }

  const writer = fileURLToPath(new URL('../../src/kit/log-writer.ts', import.meta.url))
  for (const [how, end] of [
    ['ends by itself', ''],
    ['exits at once', 'process.exit()'],
  ]) {
    it(`is whole to its last line when the process ${how}`, () => {
      const program = `import { createLogWriter } from ${JSON.stringify(writer)}
        const log = createLogWriter(process.stdout, () => {})
        process.on('exit', log.flush)
        for (let n = 1; n <= 300; n++) log.write(n + '\\n')
        ${end}`
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
      assert.equal(stdout, Array.from({ length: 300 }, (_, n) => `${n + 1}\n`).join(''))
    })
  }

  it('that nobody can take any more ends nothing: the process goes on to its own end', async () => {
    const full = openSync('/dev/full', 'w')
    const program = `import { createLogWriter } from ${JSON.stringify(writer)}
      const log = createLogWriter(process.stdout, () => {})
      log.write('a\\n')
      setImmediate(() => setImmediate(() => { log.write('b\\n'); process.exitCode = 7 }))`
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    closeSync(full)
    assert.deepEqual({ status, stderr }, { status: 7, stderr: '' })
  })
})
