import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readConfig, secretsIn } from '../../src/config/config.ts'

const url = 'redis://trt:secret-word@redis.example.com:6379'

function read(env: Readonly<Record<string, string>>) {
  const result = readConfig(env)
  return result.ok
    ? { lock: result.config.lock, work: result.config.work, warned: result.warnings.map(({ setting }) => setting) }
    : { refused: result.problems.map(({ setting }) => setting) }
}

describe('the settings of who leads and who works', () => {
  it('are PostgreSQL and one worker when nobody says otherwise', () => {
    assert.deepEqual(read({}), { lock: { backend: 'postgres' }, work: 'exclusive', warned: [] })
  })

  it('take Redis only when it is asked for, and then with its address', () => {
    const lock = { backend: 'redis', url, connectMs: 3_000 }
    assert.deepEqual(read({ LOCK_BACKEND: 'redis', REDIS_URL: url }), { lock, work: 'exclusive', warned: [] })
    assert.deepEqual(read({ LOCK_BACKEND: 'redis' }), { refused: ['REDIS_URL'] })
  })

  it('warn of a Redis that is never asked, because somebody may believe in it', () => {
    assert.deepEqual(read({ REDIS_URL: url }), {
      lock: { backend: 'postgres' },
      work: 'exclusive',
      warned: ['REDIS_URL'],
    })
  })

  it('want one connection more where work is shared', () => {
    assert.deepEqual(read({ WORK: 'shared', DB_MAX_CONN: '6' }), { refused: ['DB_MAX_CONN'] })
    assert.deepEqual(read({ DB_MAX_CONN: '6' }), { lock: { backend: 'postgres' }, work: 'exclusive', warned: [] })
  })

  it('keep the password of Redis to themselves', () => {
    assert.ok(secretsIn({ REDIS_URL: url }).includes('secret-word'))
    assert.doesNotMatch(JSON.stringify(readConfig({ REDIS_URL: 'http://trt:secret-word@h' })), /secret-word/)
  })
})
