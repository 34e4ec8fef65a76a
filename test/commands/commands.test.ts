import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { commands } from '../../src/commands/commands.ts'
import { trt } from './shop.ts'

/** What is typed at the prompt itself: every command explains itself, and nothing unknown is taken for something known. */
const program = path.resolve(import.meta.dirname, '../../src/main.ts')
const scripts: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts
const run = promisify(execFile)

describe('trt', () => {
  it('lists every command with what it does', async () => {
    const { stdout } = await run(process.execPath, [program, '--help'])
    for (const [name, { summary }] of Object.entries(commands))
      assert.ok(stdout.includes(`  ${name.padEnd(10)} ${summary}`))
  })

  it('explains a command with --help, and runs nothing', async () => {
    const { stdout } = await run(process.execPath, [program, 'people', 'credit', '1', '--rub', '5', '--help'])
    assert.match(stdout, /^trt people\n\n.*\n\n.*show ID/s)
  })

  it('ends with 1 at a command that it does not know', async () => {
    await assert.rejects(run(process.execPath, [program, 'docter']), ({ code, stderr }) => {
      assert.equal(code, 1)
      assert.match(stderr, /There is no command "docter"/)
      return true
    })
  })

  for (const [name, { usage, summary }] of Object.entries(commands)) {
    it(`${name} is an npm script too, which hands signals and words on`, () => {
      assert.equal(scripts[name], `exec node bin/trt.js ${name}`)
    })

    it(`${name} has a summary of one line and a usage of lines that fit a terminal`, () => {
      assert.match(summary, /^[^\n]{20,110}\.$/)
      for (const line of usage.split('\n')) assert.ok(line.length <= 120, line)
    })
  }

  for (const name of Object.keys(commands).filter((each) => each !== 'sandbox')) {
    it(`${name} does nothing at a word that it does not know`, async () => {
      const { code, out, err } = await trt([name, '--no-such-word'], { DATA_DIR: '/no/such/folder' })
      assert.equal(code, 1)
      assert.equal(out, '')
      assert.match(err, /no-such-word|^Say |^What|^start takes/)
    })
  }
})
