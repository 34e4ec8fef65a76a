import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readConfig } from '../../src/config/config.ts'

/** A start with half of what going live takes must not begin: it would look alive and serve nobody. */
const live = {
  TELEGRAM_BOT_TOKEN: `7654321:${'A'.repeat(35)}`,
  KIE_API_KEY: 'a-key-of-kie',
  DATABASE_URL: 'postgres://trt:secret-word@db.example.com/trt',
  WEBHOOK_BASE_URL: 'https://bot.example.com',
  ADMIN_ID: '12345678',
}

function problemsOf(env: Readonly<Record<string, string>>): readonly string[] {
  const read = readConfig(env)
  return read.ok ? [] : read.problems.map(({ setting }) => setting)
}

function without(...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(live).filter(([name]) => !names.includes(name)))
}

describe('settings of which only half is live', () => {
  it('go live when all of it is there', () => {
    assert.deepEqual(problemsOf(live), [])
  })

  it('are refused with the name of what is missing: a token without a key, a key without a token', () => {
    assert.deepEqual(problemsOf(without('KIE_API_KEY')), ['KIE_API_KEY'])
    assert.deepEqual(problemsOf(without('TELEGRAM_BOT_TOKEN')), ['TELEGRAM_BOT_TOKEN'])
  })

  it('are refused without a public address, which does not mean polling', () => {
    assert.deepEqual(problemsOf(without('WEBHOOK_BASE_URL')), ['WEBHOOK_BASE_URL'])
    assert.deepEqual(problemsOf({ ...without('WEBHOOK_BASE_URL'), BOT_MODE: 'polling' }), [])
  })

  it('are refused without an operator', () => {
    assert.deepEqual(problemsOf(without('ADMIN_ID')), ['ADMIN_ID'])
  })

  it('never become the sandbox where a public service was meant', () => {
    const nothing = without('TELEGRAM_BOT_TOKEN', 'KIE_API_KEY')
    assert.deepEqual(problemsOf(nothing), ['WEBHOOK_BASE_URL'])
    assert.deepEqual(problemsOf({ RENDER: 'true' }), ['RENDER'])
    assert.deepEqual(problemsOf({ NODE_ENV: 'production' }), ['NODE_ENV'])
  })

  it('tell no value of a secret', () => {
    const read = readConfig({ ...live, TELEGRAM_BOT_TOKEN: '123:too-short', DATABASE_URL: 'mysql://u:word@h/d' })
    assert.equal(read.ok, false)
    assert.doesNotMatch(JSON.stringify(read), /too-short|u:word/)
  })

  it('name every operator once, by either setting', () => {
    const read = readConfig({ ...live, ADMIN_IDS: '12345678, 5' })
    assert.deepEqual(read.ok && read.config.operators, [12345678, 5])
    assert.deepEqual(problemsOf({ ...without('ADMIN_ID'), ADMIN_IDS: '5' }), [])
  })
})
