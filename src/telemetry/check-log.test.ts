import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock, instant } from '../kit/clock.ts'
import { checkLog, type LogCheckOptions } from './check-log.ts'
import type { EventName, Fields } from './events.ts'
import { createTelemetry, type LogFormat } from './telemetry.ts'

/** A fact and the milliseconds that passed before it. */
type Fact = readonly [event: EventName, fields: Fields, waitedMs?: number]

const url = 'http://127.0.0.1:1/webhook/***'
const lock = { backend: 'postgres', key: 'sandbox' }
const cid = 'aaaa0001'
const tap = 'aaaa0002'
const order = { cid: tap, order_id: 'v2rbvzm8smh9' }

const boot: readonly Fact[] = [
  ['PREFLIGHT_STARTED', { version: '1', instance: 'i', world: 'sandbox' }],
  ['HTTP_LISTENING', { address: '127.0.0.1', port: 1 }],
  ['CATALOG_READY', { offers: 55, took_ms: 1 }],
  ['MENU_READY', { screens: 27, took_ms: 0 }],
  ['MIGRATED', { from: 0, to: 2 }],
  ['PREFLIGHT_OK', {}],
  ['LOCK_ATTEMPT', lock],
  ['READY', { took_ms: 100 }],
  ['LOCK_ACQUIRED', { ...lock, epoch: 1, waited_ms: 3 }],
  ['ACTIVE_ENTER', { epoch: 1, how: 'immediate' }],
  ['WEBHOOK_SETTING', { url }],
  ['WEBHOOK_SET', { url }],
  ['WEBHOOK_VERIFIED', { url, pending: 0 }],
  ['DUTIES_STARTED', { epoch: 1 }],
]
const message: readonly Fact[] = [
  ['UPDATE_RECEIVED', { cid, update_id: 1, kind: 'message', ack_ms: 2, user_id: 7 }],
  ['COMMAND_RECEIVED', { cid, command: '/start' }],
  ['UI_RENDER', { cid, screen_id: 'main_menu' }],
  ['DISPATCH_OK', { cid, took_ms: 5 }],
  ['UI_SHOWN', { cid, screen_id: 'main_menu', message_id: 2, took_ms: 9 }],
]
const purchase: readonly Fact[] = [
  ['UPDATE_RECEIVED', { cid: tap, update_id: 2, kind: 'callback_query', ack_ms: 2, user_id: 7 }],
  ['CALLBACK_RECEIVED', { cid: tap, callback_id: '70', update_id: 2 }],
  ['CALLBACK_ROUTED', { cid: tap, handler: 'run' }],
  ['ORDER_PLACED', { ...order, model: 'z-image', price: '1GEN' }],
  ['HOLD_PLACED', { ...order, price: '1GEN' }],
  ['UI_RENDER', { cid: tap, screen_id: 'progress' }],
  ['CALLBACK_ACCEPTED', { cid: tap }],
  ['DISPATCH_OK', { cid: tap, took_ms: 5 }],
  ['UI_SHOWN', { cid: tap, screen_id: 'progress', message_id: 2, took_ms: 9 }],
  ['KIE_TASK_CREATED', { ...order, task_id: 't', model: 'z-image' }],
  ['KIE_TASK_OBSERVED', { ...order, state: 'succeeded' }],
  ['RESULT_DELIVERED', { ...order, message_id: 3 }],
  ['HOLD_CAPTURED', { ...order, price: '1GEN' }],
  ['ORDER_COMPLETED', { ...order, price: '1GEN' }],
]
const shutdown: readonly Fact[] = [
  ['SHUTDOWN_STARTED', { reason: 'SIGTERM' }],
  ['LOCK_RELEASED', { backend: 'postgres', epoch: 1 }],
  ['SHUTDOWN_DONE', { took_ms: 9 }],
]
const healthy: readonly Fact[] = [...boot, ...message, ...purchase, ...shutdown]

/** The log of these facts, as the service writes it. */
function written(facts: readonly Fact[], format: LogFormat = 'text'): string[] {
  const lines: string[] = []
  let now = Date.UTC(2026, 0, 12, 14, 40)
  const telemetry = createTelemetry({
    clock: { ...createClock(), now: () => instant(now) },
    redact: (text) => text,
    write: (line) => void lines.push(line.trimEnd()),
    format,
    level: 'debug',
  })
  // The facts of a table: each is told with its own fields.
  const emit = telemetry.emit as (event: EventName, fields: Fields) => void
  for (const [event, fields, waitedMs = 1] of facts) {
    now += waitedMs
    emit(event, fields)
  }
  return lines
}

const problemsOf = (facts: readonly Fact[], options: LogCheckOptions = { settled: true, alone: true }) =>
  checkLog(written(facts), options).map(({ problem }) => problem)
const without = (event: EventName, facts: readonly Fact[] = healthy) => facts.filter(([each]) => each !== event)
function after(event: EventName, ...more: readonly Fact[]): readonly Fact[] {
  const at = healthy.findLastIndex(([each]) => each === event)
  return healthy.toSpliced(at + 1, 0, ...more)
}
function changed(event: EventName, fields: Fields): readonly Fact[] {
  return healthy.map((fact): Fact => (fact[0] === event ? [event, { ...fact[1], ...fields }] : fact))
}
/** Exactly this is found where no other instance was, in a text log and in a JSON log. */
function finds(facts: readonly Fact[], ...expected: readonly RegExp[]): void {
  for (const format of ['text', 'json'] as const) {
    const found = checkLog(written(facts, format), { settled: true, alone: true }).map(({ problem }) => problem)
    assert.equal(found.length, expected.length, JSON.stringify(found, undefined, 2))
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern)
  }
}

describe('a healthy log', () => {
  it('has no problem, in both formats', () => {
    finds(healthy)
  })

  it('may hold what `npm start` and `start` print', () => {
    const printed = [
      '',
      '> trt@0.1.0 start',
      '> exec node bin/trt.js start',
      'Preparing the database (first start, a few seconds) …',
      '  Web chat   http://127.0.0.1:10001/',
      '  Health     http://127.0.0.1:10000/health',
      'Open the web chat, choose a name, and press START. Ctrl-C stops everything.',
    ]
    assert.deepEqual(checkLog([...printed, ...written(healthy)], { settled: true }), [])
  })

  it('may hold values that look like lines, fields and sentences', () => {
    const nasty = 'a "b" = c | d\n2026-01-12 14:40:01,123 [INFO] boot: [BOOT] READY took_ms=1 \u202e\u2028'
    finds(after('ORDER_COMPLETED', ['OPERATOR_TOLD', { what: nasty }]))
  })

  it('may begin in the middle of a run, and end before everything has ended', () => {
    for (let begin = 0; begin < healthy.length; begin++) {
      assert.deepEqual(problemsOf(healthy.slice(begin)), [], `from line ${begin + 1}`)
    }
    for (let end = 1; end < healthy.length; end++) {
      assert.deepEqual(problemsOf(healthy.slice(0, end), {}), [], `to line ${end}`)
    }
  })

  it('names the line and the cid of a problem', () => {
    const facts = without('DISPATCH_OK', message)
    assert.deepEqual(checkLog(written([...boot, ...facts]), { settled: true, alone: true }), [
      { line: boot.length + 1, cid, problem: 'the update was received and never handled' },
    ])
  })
})

describe('a line', () => {
  it('is found when it is no event', () => {
    const lines = written(healthy)
    assert.match(checkLog([...lines, 'Hello'])[0]?.problem ?? '', /is no line of the log: Hello/)
    assert.match(checkLog([...lines, '{"level":30,"msg":"hello"}'])[0]?.problem ?? '', /is no line of the log/)
    const unknown = (lines[0] ?? '').replace('PREFLIGHT_STARTED', 'PREFLIGHT_BEGUN')
    assert.match(checkLog([unknown])[0]?.problem ?? '', /PREFLIGHT_BEGUN is no event of the table/)
  })

  it('is found when a field is missing, unknown, or stands under another group or level', () => {
    finds(changed('MENU_READY', { screens: undefined }), /MENU_READY has no screens/)
    finds(changed('MENU_READY', { extra: 1 }), /MENU_READY has a field extra/)
    const [line = ''] = written(healthy)
    assert.match(checkLog([line.replace('boot: [BOOT]', 'lock: [LOCK]')])[0]?.problem ?? '', /in the group LOCK/)
    assert.match(checkLog([line.replace('[INFO]', '[ERROR]')])[0]?.problem ?? '', /the level ERROR instead of INFO/)
    assert.match(checkLog([`${line} and more`])[0]?.problem ?? '', /ends with/)
    assert.match(checkLog([line.replace('boot:', 'lock:')])[0]?.problem ?? '', /the logger is lock/)
    const [json = ''] = written([['WEBHOOK_MISSING', {}]], 'json')
    const other = json.replace('No webhook configured', 'Nothing')
    assert.match(checkLog([other])[0]?.problem ?? '', /WEBHOOK_MISSING says "Nothing"/)
  })

  it('is found when it tells of something nobody caught', () => {
    const thrown: Fact = ['EXCEPTION_CAUGHT', { error_type: 'TypeError', error_message: 'x is not a function' }]
    finds(after('DISPATCH_OK', thrown), /TypeError must never be seen/)
    for (const never of ['unhandledRejection', 'uncaughtException', 'MaxListenersExceededWarning']) {
      const line = `(node:1) ${never}: something`
      const found = checkLog([line]).map(({ problem }) => problem)
      assert.ok(
        found.some((each) => each.startsWith(`${never} must never be seen`)),
        never,
      )
    }
    for (const message of [
      'Cannot use a pool after calling end on the pool',
      'Client was closed and is not queryable',
    ]) {
      const caught: Fact = ['EXCEPTION_CAUGHT', { error_type: 'Error', error_message: message }]
      finds(after('DISPATCH_OK', caught), /must never be seen/)
    }
  })

  it('is found when it is trouble that was not expected', () => {
    const facts = after('DISPATCH_OK', ['PASSIVE_REJECT', { kind: 'message' }])
    assert.deepEqual(problemsOf(facts), [])
    assert.match(problemsOf(facts, { trouble: [] })[0] ?? '', /PASSIVE_REJECT was not expected/)
    assert.deepEqual(problemsOf(facts, { trouble: ['PASSIVE_REJECT'] }), [])
  })
})

describe('an update', () => {
  const second = { cid: 'aaaa0003', update_id: 9, kind: 'message', ack_ms: 1, user_id: 7 }

  it('is found when it was never handled, or handled twice', () => {
    finds([...boot, ...without('DISPATCH_OK', message)], /received and never handled/)
    finds(after('UI_SHOWN', ['DISPATCH_OK', { cid, took_ms: 1 }]), /handled twice/)
  })

  it('is not handled before it was received', () => {
    finds([...boot, ...without('UPDATE_RECEIVED', message)], /COMMAND_RECEIVED without an UPDATE_RECEIVED/)
  })

  it('may be told by whoever handled it before its reception says that it is committed, a moment later', () => {
    const [received, ...handled] = message
    assert.ok(received)
    finds([...boot, ...handled.slice(0, 3), received, ...handled.slice(3)])
    const [event, fields] = received
    finds([...boot, ...handled, [event, fields, 2_001]], /COMMAND_RECEIVED without an UPDATE_RECEIVED/)
  })

  it('has a cid of its own', () => {
    finds(after('DISPATCH_OK', ['UPDATE_RECEIVED', { ...second, cid }]), /two updates were received under this cid/)
  })

  it('that came before has no second effect', () => {
    const again: Fact = ['UPDATE_RECEIVED', { ...second, duplicate: true }]
    finds(after('DISPATCH_OK', again))
    finds(after('DISPATCH_OK', again, ['DISPATCH_OK', { cid: second.cid, took_ms: 1 }]), /received before/)
  })

  it('that is a tap goes its whole way to one verdict', () => {
    const orphaned = /follows (nothing|CALLBACK_RECEIVED)/
    finds(without('CALLBACK_RECEIVED'), orphaned)
    finds(without('CALLBACK_ROUTED'), orphaned)
    finds(without('CALLBACK_ACCEPTED'), /handled with 0 verdicts/)
    const twice: Fact = ['CALLBACK_REJECTED', { cid: tap, reason_code: 'VALIDATION_FAIL' }]
    const facts = healthy.toSpliced(healthy.findIndex(([event]) => event === 'CALLBACK_ACCEPTED') + 1, 0, twice)
    finds(facts, /CALLBACK_REJECTED follows CALLBACK_ACCEPTED/, /handled with 2 verdicts/)
  })

  it('is found when the person was left in silence', () => {
    finds([...boot, ...without('UI_SHOWN', message)], /silence: nothing was shown until the end/)
    finds([...boot, ...message.slice(0, 2), ['DISPATCH_OK', { cid, took_ms: 1 }]], /silence/)
    const late = message.map((fact): Fact => (fact[0] === 'UI_SHOWN' ? [fact[0], fact[1], 11_000] : fact))
    finds([...boot, ...late], /silence: nothing was shown for 11 s/)
  })

  it('is answered by a sentence about why nothing is shown', () => {
    const told: Fact = ['UI_NOT_SHOWN', { cid, reason_code: 'PERMISSION_DENIED' }]
    finds([...boot, ...without('UI_SHOWN', message), told])
  })

  it('may be answered late while Telegram is away, and must be answered once it is back', () => {
    const away: Fact = ['TELEGRAM_AWAY', { why: 'no_answer', detail: '502' }]
    const back: Fact = ['TELEGRAM_BACK', { away_s: 60 }, 60_000]
    const [drawn, shown] = [without('UI_SHOWN', message), message.slice(-1)]
    finds([...boot, ...drawn, away, back, ...shown])
    finds([...boot, away, ...drawn, back, ...shown])
    finds([...boot, away, ...drawn])
    finds([...boot, away, ...drawn, back], /silence: nothing was shown until the end/)
    finds([...boot, away, back, ...drawn], /silence: nothing was shown until the end/)
  })

  it('is answered by a newer screen of the same person, and not of another', () => {
    const next = (person: number): readonly Fact[] => [
      ['UPDATE_RECEIVED', { ...second, user_id: person }],
      ['MESSAGE_RECEIVED', { cid: second.cid, message: 'text' }],
      ['UI_RENDER', { cid: second.cid, screen_id: 'balance' }],
      ['DISPATCH_OK', { cid: second.cid, took_ms: 1 }],
      ['UI_SHOWN', { cid: second.cid, screen_id: 'balance', message_id: 5, took_ms: 1 }],
    ]
    finds([...boot, ...without('UI_SHOWN', message), ...next(7)])
    finds([...boot, ...without('UI_SHOWN', message), ...next(8)], /silence/)
  })
})

describe('an order', () => {
  it('is found when its hold found no end, or two', () => {
    const open = [...boot, ...purchase.filter(([event]) => event !== 'HOLD_CAPTURED' && event !== 'ORDER_COMPLETED')]
    finds(open, /order v2rbvzm8smh9 has no end/)
    assert.deepEqual(problemsOf(open, {}), [], 'an order that is under way is no problem')
    finds(after('ORDER_COMPLETED', ['HOLD_CAPTURED', { ...order, price: '1GEN' }]), /HOLD_CAPTURED .* told 2 times/)
    finds(after('ORDER_COMPLETED', ['HOLD_RELEASED', { ...order, price: '1GEN' }]), /captured and given back/)
  })

  it('is found when a link of its chain is missing', () => {
    finds(without('ORDER_PLACED'), /HOLD_PLACED of order .* without an ORDER_PLACED/)
    finds(without('HOLD_PLACED'), /KIE_TASK_CREATED .* without HOLD_PLACED/, /HOLD_CAPTURED .* without HOLD_PLACED/)
    finds(without('HOLD_CAPTURED'), /ORDER_COMPLETED of order .* without HOLD_CAPTURED/)
    finds(without('RESULT_DELIVERED'), /ORDER_COMPLETED of order .* without RESULT_DELIVERED/)
  })

  it('may be told by its job before the step that placed it says so, a moment later', () => {
    const placed = purchase.filter(([event]) => event === 'ORDER_PLACED' || event === 'HOLD_PLACED')
    const others = purchase.filter(([event]) => event !== 'ORDER_PLACED' && event !== 'HOLD_PLACED')
    const from = others.findIndex(([event]) => event === 'KIE_TASK_CREATED') + 1
    finds([...boot, ...others.slice(0, from), ...placed, ...others.slice(from)])
    const late = placed.map(([event, fields]): Fact => [event, fields, 2_001])
    finds([...boot, ...others, ...late], /without an ORDER_PLACED/, /HOLD_CAPTURED .* without HOLD_PLACED/)
  })

  it('is found when a line of it has another cid', () => {
    finds(changed('HOLD_CAPTURED', { cid: 'ffff0000' }), /HOLD_CAPTURED of order .* has another cid/)
  })

  it('may be released with a reason, and its result come as a gift', () => {
    const released: readonly Fact[] = [
      ...purchase.slice(0, 10),
      ['HOLD_RELEASED', { ...order, price: '1GEN' }],
      ['ORDER_RELEASED', { ...order, reason: 'lost' }],
      ['RESULT_DELIVERED', { ...order, message_id: 3, gift: true }],
    ]
    finds([...boot, ...released, ...shutdown])
  })
})

describe('an instance that is not alone', () => {
  const others = (...facts: readonly Fact[]) => problemsOf(facts, { settled: true })
  const shared = boot.map(
    (fact): Fact => (fact[0] === 'PREFLIGHT_STARTED' ? [fact[0], { ...fact[1], work: 'shared' }] : fact),
  )
  const passive: readonly Fact[] = [
    ...boot.slice(0, 8),
    ['LOCK_WAITING', { backend: 'postgres', holder: 'other', since: 1 }],
    ['PASSIVE_ENTER', { reason: 'another instance leads', holder: 'other' }],
  ]
  const [received] = message
  const placed = purchase.slice(0, 10)
  assert.ok(received)

  it('may handle what another received, and finish what another began', () => {
    assert.deepEqual(others(...boot, ...message.slice(1), ...purchase.slice(1)), [])
    assert.deepEqual(others(...boot, ...purchase.slice(9)), [])
  })

  it('that stands by or shares the work may receive what another handles, and begin what another finishes', () => {
    for (const before of [passive, shared]) assert.deepEqual(others(...before, received, ...placed), [])
    assert.deepEqual(others(...shared, ...placed, ...purchase.slice(13)), [])
  })

  it('that was ACTIVE on its own is asked for what it received, drew and placed', () => {
    assert.deepEqual(others(...boot, received), ['the update was received and never handled'])
    assert.match(others(...boot, ...without('UI_SHOWN', message)).join(), /^silence/)
    assert.match(others(...boot, ...placed).join(), /has no end/)
    assert.match(
      others(...boot, ...without('HOLD_CAPTURED', purchase)).join(),
      /ORDER_COMPLETED .* without HOLD_CAPTURED/,
    )
  })

  it('may leave to the next one what it had in hand when it ceased to lead', () => {
    const lost: readonly Fact[] = [
      ['LOCK_LOST', { backend: 'postgres', reason: 'frozen' }],
      ['PASSIVE_ENTER', { reason: 'frozen' }],
    ]
    const late = message.map((fact): Fact => (fact[0] === 'UI_SHOWN' ? [fact[0], fact[1], 11_000] : fact))
    for (const end of [lost, shutdown]) {
      assert.deepEqual(others(...boot, received, ...placed, ...end), [])
      assert.deepEqual(others(...boot, ...late, ...end), [])
    }
    const again: readonly Fact[] = [
      ['LOCK_ATTEMPT', lock],
      ['LOCK_ACQUIRED', { ...lock, epoch: 3, waited_ms: 3 }],
      ['ACTIVE_ENTER', { epoch: 3, how: 'regained' }],
    ]
    assert.deepEqual(others(...boot, ...lost, ...again, received), ['the update was received and never handled'])
  })

  it('has a log of its own: two in one are said to be two', () => {
    const merged = [...boot.slice(0, 4), ...boot.slice(5), ...boot.slice(0, 4), ...shutdown]
    assert.match(others(...merged)[0] ?? '', /without SHUTDOWN_DONE; if several instances write this log/)
  })
})

describe('a run', () => {
  it('boots in order and completely', () => {
    finds(without('CATALOG_READY'), /MENU_READY follows HTTP_LISTENING: the boot is not in order/)
    finds(without('READY', boot), /this start never became READY/)
    finds([...boot.slice(0, 3), ...healthy], /the start of line 1 never became READY/)
    const [first, second, third, fourth, ...rest] = healthy
    assert.ok(first && second && third && fourth)
    const found = problemsOf([first, second, fourth, third, ...rest])
    assert.match(found[0] ?? '', /not in order/)
  })

  it('takes the steps of the leader in order', () => {
    finds(without('LOCK_ACQUIRED', [...boot]), /ACTIVE_ENTER without LOCK_ACQUIRED/)
    finds(without('WEBHOOK_VERIFIED'), /DUTIES_STARTED without WEBHOOK_VERIFIED/)
    finds(without('WEBHOOK_SET'), /WEBHOOK_VERIFIED without WEBHOOK_SET/)
  })

  it('shuts down completely, gives the leadership back, and says nothing after it', () => {
    finds(without('SHUTDOWN_DONE'), /the shutdown of this run did not end/)
    finds(without('SHUTDOWN_STARTED'), /SHUTDOWN_DONE without SHUTDOWN_STARTED/)
    finds(without('LOCK_RELEASED'), /nothing was told of the leadership/)
    const late: Fact = ['DB_CONNECTION_LOST', { owner: 'work', error: 'gone' }]
    finds([...healthy, late], /DB_CONNECTION_LOST was told after SHUTDOWN_DONE/)
  })

  it('that was killed is a problem, unless that was meant; then what was under way is not judged', () => {
    const killed = [...boot, ...message.slice(0, 2), ...boot.filter(([event]) => event !== 'MIGRATED'), ...shutdown]
    finds(killed, /the run that began in line 1 ended without SHUTDOWN_DONE/)
    assert.deepEqual(problemsOf(killed, { settled: true, killed: true }), [])
  })
})
