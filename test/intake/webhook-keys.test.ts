import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { beforeEach, describe, it } from 'node:test'
import { instant } from '../../src/kit/clock.ts'
import { knownWebhookKeys, useWebhookKey } from '../../src/storage/postgres/webhook-keys.ts'
import {
  createWebhookKeys,
  formerAcceptedMs,
  type KeyCheck,
  type WebhookKeysDeps,
} from '../../src/webhook/webhook-keys.ts'
import { createTestClock, type TestClock } from '../fixtures/clock.ts'
import { openStorage } from '../fixtures/storage.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The paths and tokens that open the webhook, kept in a real database; each `instance` has the settings it is given. */
const { database, rows } = await openStorage()
const start = instant(Date.UTC(2026, 0, 12, 12))
const before = { path: 'the-former-path', token: 'the-former-token' }
const now = { path: 'the-path-of-now', token: 'the-token-of-now' }

let clock: TestClock
beforeEach(async () => {
  await rows('truncate webhook_keys')
  clock = createTestClock(start)
})

function instance(own: WebhookKeysDeps['own'], more: Partial<WebhookKeysDeps> = {}) {
  const telling = createTelling(clock)
  const keys = createWebhookKeys({
    own,
    known: (since) => knownWebhookKeys(database.monitor, since),
    noteUse: (key) => useWebhookKey(database.monitor, key),
    clock,
    telemetry: telling.telemetry,
    ...more,
  })
  return { ...keys, ...telling, opens: ({ path, token }: typeof own) => keys.check(path, token) === 'right' }
}

/** The settings were `before` until this moment; now they are `now`. */
async function afterTheChange() {
  await instance(before).use()
  const changed = instance(now)
  await changed.refresh()
  await changed.use()
  return changed
}

describe('the webhook', () => {
  it('is opened by our own pair, before anything was read or written', () => {
    const fresh = instance(now)
    assert.ok(fresh.opens(now))
    assert.ok(!fresh.opens(before))
  })

  it('is opened by the former pair for 24 hours after a change, and not longer', async () => {
    const changed = await afterTheChange()
    assert.ok(changed.opens(before))
    await clock.advance(formerAcceptedMs)
    assert.ok(changed.opens(before), 'to the last millisecond')
    await clock.advance(1)
    assert.ok(!changed.opens(before))
    assert.equal(changed.check(before.path, before.token), 'wrong_path')
    assert.ok(changed.opens(now))
    // Nor by whoever starts now and reads what is kept.
    const started = instance(now)
    await started.refresh()
    assert.ok(!started.opens(before))
  })

  it('counts these hours from when Telegram last had the pair, not from when it was first given it', async () => {
    const old = instance(before)
    await old.use()
    await clock.advance(3 * formerAcceptedMs)
    // The webhook was looked at every minute until the change.
    await old.use()
    const changed = instance(now)
    await changed.refresh()
    await clock.advance(formerAcceptedMs)
    assert.ok(changed.opens(before))
    await clock.advance(1)
    assert.ok(!changed.opens(before))
  })

  it('is not opened by a token at a path that it does not belong to', async () => {
    const changed = await afterTheChange()
    assert.ok(!changed.opens({ path: before.path, token: now.token }))
    assert.ok(!changed.opens({ path: now.path, token: before.token }))
    assert.ok(!changed.opens({ path: before.path, token: 'somebody’s guess' }))
  })

  it('takes what is meant for the other of two instances with different pairs, whichever started first', async () => {
    const [one, other] = [instance(before), instance(now)]
    await one.use()
    await other.use()
    await one.refresh()
    await other.refresh()
    for (const each of [one, other]) {
      assert.ok(each.opens(before))
      assert.ok(each.opens(now))
    }
  })

  it('tells an instance that Telegram was last given another pair than its own', async () => {
    const [one, other] = [instance(before), instance(now)]
    assert.equal(await one.refresh(), 'ours_or_none', 'nobody gave it any')
    await one.use()
    assert.equal(await one.refresh(), 'ours_or_none')
    assert.equal(await other.refresh(), 'another')
    await clock.advance(1_000)
    await other.use()
    assert.equal(await one.refresh(), 'another')
    assert.equal(await other.refresh(), 'ours_or_none')
  })

  it('goes on taking the pairs it knows when they cannot be read again', async () => {
    let isGone = false
    await instance(before).use()
    const changed = instance(now, {
      known: (since) => (isGone ? Promise.reject(new Error('no database')) : knownWebhookKeys(database.monitor, since)),
    })
    await changed.refresh()
    isGone = true
    await assert.rejects(changed.refresh())
    assert.ok(changed.opens(before))
    assert.ok(changed.opens(now))
  })

  it('is kept also when its pair cannot be written down, and that is told', async () => {
    const keys = instance(now, { noteUse: () => Promise.reject(new Error('no database')) })
    await keys.use()
    assert.deepEqual(keys.fieldsOf('WEBHOOK_KEYS_UNWRITTEN'), [{ error: 'no database' }])
    assert.ok(keys.opens(now))
  })

  it('is known to the database by hashes alone, a pair once, with its latest use', async () => {
    const changed = await afterTheChange()
    await clock.advance(60_000)
    await changed.use()
    // A clock that was set back makes a later use no earlier.
    clock.setWall(start)
    await changed.use()
    const kept = await rows<{ path_hash: string; token_hash: string; last_used_at: number }>(
      'select * from webhook_keys order by last_used_at',
    )
    assert.deepEqual(
      kept.map((row) => Number(row.last_used_at) - start),
      [0, 60_000],
    )
    assert.doesNotMatch(JSON.stringify(kept), /the-/)
    assert.ok(kept.every((row) => /^[0-9a-f]{64}$/.test(row.path_hash) && /^[0-9a-f]{64}$/.test(row.token_hash)))
  })

  it('is compared in constant time with every pair, whatever is given and however long it is', async () => {
    const changed = await afterTheChange()
    const compared: number[] = []
    const real = crypto.timingSafeEqual
    crypto.timingSafeEqual = (a, b) => {
      compared.push(a.byteLength)
      return real(a, b)
    }
    syncBuiltinESMExports()
    const comparisons = (path: string, token: string, answer: KeyCheck): number => {
      compared.length = 0
      assert.equal(changed.check(path, token), answer)
      return compared.length
    }
    try {
      assert.equal(comparisons(now.path, now.token, 'right'), 1, 'both of our own pair')
      const whole = comparisons(before.path, before.token, 'right')
      assert.equal(whole, 5, 'path and token of both pairs besides')
      for (const path of ['', 'x', now.path.slice(0, -1), `${now.path}x`, 'y'.repeat(5_000), '\ud800']) {
        assert.equal(comparisons(path, now.token, 'wrong_path'), whole, path)
      }
      for (const token of ['', 'x', now.token.slice(0, -1), `${now.token}x`, 'y'.repeat(5_000)]) {
        assert.equal(comparisons(now.path, token, 'wrong_token'), whole, token)
      }
      assert.deepEqual(compared, [512, 32, 32, 32, 32], 'of equal length, whatever was given')
    } finally {
      crypto.timingSafeEqual = real
      syncBuiltinESMExports()
    }
  })
})
