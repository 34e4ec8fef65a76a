import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { neverSeen } from '../../src/telemetry/check-log.ts'
import { trt } from './shop.ts'

/** A log that is whole passes; each line that must never be seen is found, wherever it stands, in both formats. */
const at = '2026-01-12 14:40:01,'
const text = [
  `${at}100 [INFO] boot: [BOOT] PREFLIGHT_STARTED version=1.0.0 instance=abcdefgh world=sandbox`,
  `${at}110 [INFO] boot: [BOOT] HTTP_LISTENING address=127.0.0.1 port=10000`,
  `${at}120 [INFO] boot: [BOOT] CATALOG_READY offers=55 took_ms=20`,
  `${at}120 [INFO] boot: [BOOT] MENU_READY screens=27 took_ms=0`,
  `${at}130 [INFO] boot: [BOOT] PREFLIGHT_OK`,
  `${at}140 [INFO] boot: [BOOT] READY took_ms=40`,
  `${at}150 [INFO] lock: [LOCK] LOCK_ATTEMPT backend=postgres key=sandbox`,
  `${at}200 [INFO] boot: [BOOT] SHUTDOWN_STARTED reason=SIGTERM`,
  `${at}210 [INFO] lock: [LOCK] LOCK_RELEASE_SKIPPED reason="this instance does not lead"`,
  `${at}220 [INFO] boot: [BOOT] SHUTDOWN_DONE took_ms=20`,
]
const json = text.map((line) => {
  const [, time = '', level = '', group = '', event = '', rest = ''] =
    /^(\S+ \S+) \[(\w+)\] \w+: \[(\w+)\] (\w+)(.*)$/.exec(line) ?? []
  const fields = [...rest.matchAll(/ (\w+)=("[^"]*"|\S+)/g)].map(([, name = '', value = '']) => [
    name,
    value.startsWith('"') ? JSON.parse(value) : value,
  ])
  const iso = `${time.replace(' ', 'T').replace(',', '.')}Z`
  return JSON.stringify({ time: iso, level, group, event, ...Object.fromEntries(fields) })
})

const planted = [
  'unhandledRejection',
  'uncaughtException',
  'TypeError: x is not a function',
  'ReferenceError: x is not defined',
  'SyntaxError: Unexpected token',
  'RangeError: Maximum call stack size exceeded',
  '(node:7) MaxListenersExceededWarning: Possible EventEmitter memory leak detected',
  'Error: Cannot use a pool after calling end on the pool',
  'Error: Client was closed and is not queryable',
  'code: ERR_UNHANDLED_REJECTION',
  'Error [ERR_STREAM_WRITE_AFTER_END]: write after end',
  'FATAL ERROR: Reached heap limit',
]

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trt-logs-'))
})
after(() => rm(folder, { recursive: true }))

async function check(lines: readonly string[], ...words: string[]) {
  const file = path.join(folder, 'service.log')
  await writeFile(file, `${lines.join('\n')}\n`)
  return await trt(['logs', 'check', file, ...words], {})
}

describe('logs check', () => {
  for (const [format, lines] of [
    ['text', text],
    ['json', json],
  ] as const) {
    it(`passes a log that is whole, in ${format}`, async () => {
      const { code, out } = await check(lines, '--settled')
      assert.deepEqual([code, out], [0, '10 lines, and nothing is wrong with them. Nothing to do.\n'])
    })

    for (const never of planted) {
      it(`finds ${JSON.stringify(never)} by its line, in ${format}`, async () => {
        const line =
          format === 'text'
            ? `${at}150 [ERROR] exception: [EXCEPTION] EXCEPTION_CAUGHT error_type=Error error_message=${JSON.stringify(never)}`
            : JSON.stringify({
                time: '2026-01-12T14:40:01.150Z',
                level: 'ERROR',
                group: 'EXCEPTION',
                event: 'EXCEPTION_CAUGHT',
                error_type: 'Error',
                error_message: never,
              })
        const { code, out } = await check(lines.toSpliced(7, 0, line), '--settled')
        assert.equal(code, 1)
        const [found = '', last = ''] = out.split('\n')
        assert.ok(found.startsWith('line 8: '), out)
        assert.match(found, /must never be seen/)
        assert.equal(last, '1 problem in 11 lines. Begin with the first: look at line 8.')
      })
    }
  }

  for (const never of planted) {
    it(`finds ${JSON.stringify(never)} where the process itself printed it`, async () => {
      const { code, out } = await check(text.toSpliced(7, 0, `    ${never}`), '--settled')
      assert.equal(code, 1)
      assert.match(out, /^line 8: .* must never be seen/)
    })
  }

  it('has nothing on its list that is not planted here', () => {
    assert.deepEqual(
      neverSeen.filter((never) => !planted.some((each) => each.includes(never))),
      [],
    )
  })

  it('reads standard input, and names the story to begin with', async () => {
    const half = `${at}160 [INFO] telemetry: [TELEMETRY] UPDATE_RECEIVED cid=1a2b3c4d update_id=1 kind=message ack_ms=3`
    const input = text.toSpliced(7, 0, half).join('\n')
    const { code, out } = await trt(['logs', 'check', '-', '--settled', '--alone'], {}, { input })
    assert.equal(code, 1)
    assert.match(out, /^line 8 cid=1a2b3c4d: the update was received and never handled$/m)
    assert.match(out, /trt story 1a2b3c4d\.\n$/)
    const besideOthers = await trt(['logs', 'check', '-', '--settled'], {}, { input })
    assert.equal(besideOthers.code, 0, 'it stood by: another handles what it received')
  })

  it('says what it needs when it cannot read', async () => {
    const missing = await trt(['logs', 'check', path.join(folder, 'missing.log')], {})
    assert.equal(missing.code, 1)
    assert.match(missing.err, /cannot be read: .*ENOENT/)
    const empty = await trt(['logs', 'check', '-'], {})
    assert.match(empty.err, /is empty/)
    const unknown = await trt(['logs', 'check', '--what'], {})
    assert.match(unknown.err, /Unknown option '--what'\. See --help\./)
    const nothing = await trt(['logs'], {})
    assert.match(nothing.err, /trt logs check FILE/)
  })
})
