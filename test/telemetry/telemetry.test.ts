import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { secretsIn } from '../../src/config/config.ts'
import { cid } from '../../src/kit/ids.ts'
import { createRedact } from '../../src/telemetry/redact.ts'
import { createTelemetry, type LogFormat, messageWithCauses } from '../../src/telemetry/telemetry.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { cases } from '../fixtures/seed.ts'

const formats: readonly LogFormat[] = ['text', 'json']

function telling(format: LogFormat, secrets: readonly string[] = []) {
  const lines: string[] = []
  const telemetry = createTelemetry({
    clock: createTestClock(),
    redact: createRedact(secrets),
    write: (line) => void lines.push(line),
    format,
    level: 'debug',
  })
  return { telemetry, lines }
}

/** Whatever ends a line, moves a cursor, or turns the writing round, in any reader of logs. */
const dangerous = /[\p{C}\u2028\u2029]/u
const anyText = fc.string({ unit: 'binary' })
const evil = fc.constantFrom(
  '\n2026-01-12 12:00:00,000 [INFO] money: [MONEY] TOPUP_CREDITED cid=abc kopecks=1 stars=1',
  '" level="ERROR',
  '\r\n\r\n',
  'a=b c=d | e',
  '\u2028 \u2029 \u0085',
  '\u001b[2J\u009b2J',
  '\u202ereversed\u200b',
  '\\n \\" \\',
  '\ud800',
  '\u{e0041}',
  '{"event":"READY"}',
)

describe('a line of the log', () => {
  for (const format of formats) {
    it(`is one line (${format}), whatever a person wrote: no prompt makes a second one`, () => {
      fc.assert(
        fc.property(fc.oneof(anyText, evil), fc.oneof(anyText, evil), (one, other) => {
          const { telemetry, lines } = telling(format)
          telemetry.emit('EXCEPTION_CAUGHT', { error_type: one, error_message: other, where: `${one}${other}` })
          const [line = '', ...more] = lines
          assert.equal(more.length, 0)
          assert.ok(line.endsWith('\n'))
          assert.doesNotMatch(line.slice(0, -1), dangerous)
        }),
        cases(),
      )
    })
  }

  it('can be read back (json): every field is as it was told', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'grapheme' }), evil), (text) => {
        const { telemetry, lines } = telling('json')
        telemetry.emit('EXCEPTION_CAUGHT', { error_type: 'Error', error_message: text, where: 'here' })
        const facts: { error_message: string; event: string } = JSON.parse(lines[0] ?? '')
        assert.equal(facts.error_message.toWellFormed(), text.toWellFormed())
        assert.equal(facts.event, 'EXCEPTION_CAUGHT')
      }),
      cases(),
    )
  })

  it('has the form operators search for: time, level, group, event, fields, sentence', () => {
    const { telemetry, lines } = telling('text')
    telemetry.emit('ACTIVE_ENTER', { epoch: 7, how: 'immediate' })
    telemetry.emit('ACTIVE_ENTER', { epoch: 8, how: 'takeover' })
    telemetry.emit('DISPATCH_OK', { cid: 'abc123ff', took_ms: 3 })
    assert.deepEqual(lines, [
      '2026-01-12 12:00:00,000 [INFO] lock_controller: [LOCK_CONTROLLER] ACTIVE_ENTER epoch=7 how=immediate | ACTIVE MODE (lock acquired immediately)\n',
      '2026-01-12 12:00:00,000 [INFO] state_sync: [STATE_SYNC] ACTIVE_ENTER epoch=8 how=takeover | PASSIVE → ACTIVE (lock acquired)\n',
      '2026-01-12 12:00:00,000 [INFO] telemetry: [TELEMETRY] DISPATCH_OK cid=abc123ff took_ms=3\n',
    ])
  })

  it('quotes a value that could be taken for something else, and no other', () => {
    const { telemetry, lines } = telling('text')
    telemetry.emit('KIE_REFUSED', { why: 'no_credits', detail: 'say "no" | x=1', order_id: 'плюс+1' })
    assert.match(lines[0] ?? '', /why=no_credits detail="say \\"no\\" \| x=1" order_id=плюс\+1\n$/)
  })

  it('is left out below the level that was asked for, and still heard by who listens', () => {
    const lines: string[] = []
    const heard: string[] = []
    const options = { clock: createTestClock(), redact: createRedact([]), format: 'text' } as const
    const telemetry = createTelemetry({ ...options, write: (line) => void lines.push(line), level: 'error' })
    telemetry.listen((event) => void heard.push(event))
    telemetry.emit('READY', { took_ms: 1 })
    telemetry.caught(new Error('loud'), 'here')
    assert.equal(lines.length, 1)
    assert.deepEqual(heard, ['READY', 'EXCEPTION_CAUGHT'])
  })
})

describe('telling', () => {
  it('never throws, not when the sink is gone, a listener breaks, or what was thrown is no error', () => {
    const broken = createTelemetry({
      clock: createTestClock(),
      redact: createRedact([]),
      write: () => {
        throw new Error('EPIPE')
      },
      format: 'text',
      level: 'debug',
    })
    broken.emit('READY', { took_ms: 1 })
    const { telemetry, lines } = telling('text')
    telemetry.listen(() => {
      throw new Error('a bug of a listener')
    })
    const circle = new Error('circle')
    circle.cause = circle
    const odd = Object.assign(new Error(''), { stack: 7, code: Symbol('odd') })
    const thrown = [circle, odd, Object.create(null), Symbol('s'), undefined, null, 10n, { toString: null }, () => 1]
    for (const each of thrown) telemetry.caught(each, 'here', cid('abc123ff'))
    assert.equal(lines.length, thrown.length, 'the line is written although a listener broke')
  })

  it('names the cause of the cause of an error', () => {
    const cause = new Error('connection refused', { cause: Object.assign(new Error(''), { code: 'ECONNREFUSED' }) })
    assert.equal(
      messageWithCauses(new Error('no database', { cause })),
      'no database: connection refused: ECONNREFUSED',
    )
  })
})

// Real-looking, and made up.
const inventedBotToken = '7462918305:AAHk3fJq9xZ_w1-LmN0pQrStUvWxYz12345'
const kieKey = 'e9b1"c\\77a-key of KIE'
const database = 'postgres://trt:s3cr%2Ft-w0rd@db.example:5432/shop'
const metrics = 'metrics-token-0123456789'
const secrets = secretsIn({
  TELEGRAM_BOT_TOKEN: inventedBotToken,
  KIE_API_KEY: kieKey,
  DATABASE_URL: database,
  METRICS_TOKEN: metrics,
})
const visibleParts = [
  inventedBotToken,
  inventedBotToken.split(':')[1] ?? '',
  encodeURIComponent(inventedBotToken),
  kieKey,
  database,
  's3cr%2Ft-w0rd',
  's3cr/t-w0rd',
  metrics,
]

describe('redaction', () => {
  for (const format of formats) {
    it(`leaves no part of a secret in any position of any field (${format})`, () => {
      const padding = fc.string({ maxLength: 12 })
      const place = fc.tuple(padding, fc.constantFrom(...visibleParts), padding).map((parts) => parts.join(''))
      fc.assert(
        fc.property(place, place, fc.boolean(), (one, other, asError) => {
          const { telemetry, lines } = telling(format, secrets)
          if (asError) telemetry.caught(new Error(one, { cause: new Error(other) }), one)
          else telemetry.emit('WEBHOOK_SET', { url: `https://x/${one}${other}` })
          const line = lines.join('')
          for (const part of visibleParts) {
            const written = JSON.stringify(part).slice(1, -1)
            assert.ok(!line.includes(part) && !line.includes(written), line)
          }
        }),
        cases(),
      )
    })
  }

  it('hides what has the shape of a secret although nobody named it', () => {
    const redact = createRedact([])
    const cases: readonly (readonly [string, string])[] = [
      [
        `https://api.telegram.org/file/bot${inventedBotToken}/photos/1.jpg`,
        'https://api.telegram.org/file/bot***/photos/1.jpg',
      ],
      ['authorization: Bearer abc.def-ghi_12345', 'authorization: Bearer ***'],
      ['redis://:p4ss@redis:6379', 'redis://:***@redis:6379'],
      ['postgres://u:p4ss@host/db', 'postgres://u:***@host/db'],
      ['https://bot.example/webhook/AbC_123-xyz', 'https://bot.example/webhook/***'],
    ]
    for (const [shown, wanted] of cases) assert.equal(redact(shown), wanted)
  })

  it('finds a secret in any letter case, and hides no word that is only short or plain', () => {
    const plain = { BOT_TOKEN: inventedBotToken, DATABASE_URL: 'postgres://postgres:postgres@localhost/x' }
    const redact = createRedact([...secretsIn(plain), 'abc'])
    assert.equal(redact(`lookup ${inventedBotToken.toLowerCase()}.example`), 'lookup ***.example')
    assert.equal(redact('abc backend=postgres'), 'abc backend=postgres')
  })
})
