import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type DatabaseFacts,
  type Finding,
  judgeDatabase,
  judgeDatabaseFault,
  judgeFileHosts,
  judgeSchema,
  judgeStorage,
  judgeTopUps,
  judgeWork,
  summary,
} from './preflight.ts'

const healthy: DatabaseFacts = {
  version: 180_004,
  readOnly: false,
  room: { limit: 97, others: 3 },
  sessionStays: true,
  aheadMs: 0,
}
const states = (findings: readonly Finding[]) =>
  Object.fromEntries(findings.filter(({ state }) => state !== 'ok').map(({ check, state }) => [check, state]))

it('a rate at which nobody could top up is a failure, and one that leaves some amounts is none', () => {
  const stateAt = (rate: string) => judgeTopUps(rate).state
  assert.deepEqual(['1.6', '2.5', '2000', '0.001'].map(stateAt), ['ok', 'ok', 'ok', 'ok'])
  assert.deepEqual(['0', '0.000', '2000.1', '999999999'].map(stateAt), ['failed', 'failed', 'failed', 'failed'])
  assert.match(judgeTopUps('2.5').says, /by 50 to 40000 roubles/)
})

describe('a database', () => {
  it('is in order from version 15 on', () => {
    assert.deepEqual(states(judgeDatabase(healthy, 10)), {})
    assert.deepEqual(states(judgeDatabase({ ...healthy, version: 150_000 }, 10)), {})
    assert.deepEqual(states(judgeDatabase({ ...healthy, version: 140_012 }, 10)), { database: 'failed' })
  })

  it('that only reads is no place to write', () => {
    assert.deepEqual(states(judgeDatabase({ ...healthy, readOnly: true }, 10)), { database: 'failed' })
  })

  it('has room for two instances, or it is a warning; for less than one, a failure', () => {
    const at = (limit: number, others: number) => states(judgeDatabase({ ...healthy, room: { limit, others } }, 10))
    assert.deepEqual(at(20, 0), {})
    assert.deepEqual(at(19, 0), { connections: 'warning' })
    // What others hold may be gone in a moment.
    assert.deepEqual(at(97, 90), { connections: 'warning' })
    assert.deepEqual(at(9, 0), { connections: 'failed' })
  })

  it('may have a clock that is five seconds off, either way', () => {
    const at = (aheadMs: number) => states(judgeDatabase({ ...healthy, aheadMs }, 10))
    assert.deepEqual([at(5_000), at(-5_000)], [{}, {}])
    assert.deepEqual([at(5_001), at(-5_001)], [{ 'clock.database': 'warning' }, { 'clock.database': 'warning' }])
  })

  it('that cannot be reached is told apart by its error', () => {
    const said = (message: string, code?: string) => {
      const { check, todo } = judgeDatabaseFault(Object.assign(new Error(message), code === undefined ? {} : { code }))
      return `${check}: ${todo}`
    }
    const all = [
      said('password authentication failed for user "trt"', '28P01'),
      said('database "x" does not exist', '3D000'),
      said('sorry, too many clients already', '53300'),
      said('permission denied for schema main', '42501'),
      said('getaddrinfo ENOTFOUND no-such-host', 'ENOTFOUND'),
      said('The server does not support SSL connections'),
      said('unsupported startup parameter: options', '08P01'),
      said('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'),
    ]
    assert.equal(new Set(all).size, all.length)
    assert.match(all[6] ?? '', /^pooler: /)
  })
})

describe('a schema', () => {
  it('of a newer program is refused only when that program says so', () => {
    const at = (applied: number, oldestProgram: number) => judgeSchema({ applied, oldestProgram }, 'main', 5).state
    assert.deepEqual([at(5, 1), at(4, 1), at(6, 5), at(6, 6)], ['ok', 'ok', 'warning', 'failed'])
    assert.equal(judgeSchema(undefined, 'main', 5).state, 'ok')
  })
})

describe('an embedded database', () => {
  it('is right for the sandbox, doubtful for a live bot, and refused on a disk that the next deploy empties', () => {
    const at = (kind: 'sandbox' | 'live', diskStays: boolean) =>
      judgeStorage({ engine: 'embedded', place: '/data' }, { kind, diskStays }).state
    assert.deepEqual([at('sandbox', true), at('live', true), at('live', false)], ['ok', 'warning', 'failed'])
    assert.equal(judgeStorage({ engine: 'postgres' }, { kind: 'live', diskStays: false }).state, 'ok')
  })
})

describe('instances of one bot', () => {
  it('have the same WORK, or it is a warning that names those that differ', () => {
    const instances = [
      { instance: 'aaaa', work: 'shared' },
      { instance: 'bbbb', work: 'exclusive' },
    ] as const
    assert.deepEqual([judgeWork([], 'shared').state, judgeWork(instances.slice(0, 1), 'shared').state], ['ok', 'ok'])
    const { state, says } = judgeWork(instances, 'shared')
    assert.deepEqual([state, says], ['warning', 'WORK is shared here and exclusive in bbbb'])
    assert.equal(judgeWork(instances, 'exclusive').says, 'WORK is exclusive here and shared in aaaa')
  })
})

describe('a summary', () => {
  it('begins with the worst, and says what to do first', () => {
    const doubtful: Finding = { check: 'a', state: 'warning', says: 'is odd', todo: 'look at it' }
    const wrong: Finding = { check: 'b', state: 'failed', says: 'is broken', todo: 'mend it' }
    assert.deepEqual(summary([doubtful, wrong]), { isWell: false, next: '1 failed, 1 warning. Next, b: mend it.' })
    assert.deepEqual(summary([doubtful, doubtful]), { isWell: true, next: '2 warnings. Next, a: look at it.' })
  })
})

describe('the names of KIE’s file hosts', () => {
  const real = { host: 'files.example', addresses: ['8.8.8.8'], isPublic: true }
  const fake = { host: 'results.example', addresses: ['198.18.0.5'], isPublic: false }
  const unknown = { host: 'old.example', addresses: [], isPublic: false, error: 'ENOTFOUND' }

  it('are wrong when one leads to no public address; the host, the address and the resolver are named', () => {
    const finding = judgeFileHosts([real, fake])
    assert.equal(finding.state, 'failed')
    assert.match(finding.says, /results\.example resolves to 198\.18\.0\.5/)
    assert.match(finding.todo ?? '', /resolv\.conf.*fake-ip/)
  })

  it('may be unknown, but not all of them', () => {
    assert.equal(judgeFileHosts([real, unknown]).state, 'ok')
    assert.equal(judgeFileHosts([unknown]).state, 'failed')
  })
})
