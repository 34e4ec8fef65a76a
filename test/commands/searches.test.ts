import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { freePort } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/**
 * What operators search for in a log, as they type it into `grep`: found however an instance came to lead, and only
 * once the webhook is read back. The predecessor said the first of them at its first start, and was dead.
 */
const ofEveryLeader = [/Webhook registered successfully: http/, /Webhook: http/, /Active services initialized/]

let shop: Shop
let first: Running
let second: Running
before(async () => {
  shop = await openShop()
  first = await shop.start()
  second = await shop.start({ PORT: String(await freePort()) }, ' PASSIVE_ENTER ')
})
after(async () => {
  await first.stop()
  await second.stop()
  await shop.end()
})

/** Every search finds a line, in this order. */
function findsAll(lines: readonly string[], searches: readonly RegExp[]): void {
  const found = searches.map((search) => lines.findIndex((line) => search.test(line)))
  const shown = `${searches.join('\n')}\nare found at ${found} of\n${lines.join('\n')}`
  assert.ok(!found.includes(-1), shown)
  assert.deepEqual(
    found,
    found.toSorted((a, b) => a - b),
    shown,
  )
}

describe('the searches operators know find their lines', () => {
  it('at the first start, with a free lock', () => {
    findsAll(first.lines(), [/LOCK_CONTROLLER.*ACTIVE MODE/, ...ofEveryLeader])
    findsAll(first.lines(), [/Bot identity: @\w+ \(id=7000001\)/])
  })

  it('after a takeover, and not before it', async () => {
    assert.deepEqual(
      second.lines().filter((line) => /ACTIVE MODE|PASSIVE → ACTIVE|Webhook|Active services/.test(line)),
      [],
    )
    await first.stop()
    await until(() => second.lines().some((line) => line.includes('Active services')), 'the second leads')
    findsAll(second.lines(), [/LOCK_CONTROLLER.*PASSIVE MODE/, /STATE_SYNC.*PASSIVE → ACTIVE/, ...ofEveryLeader])
  })

  it('when the leadership was lost and is held again', async () => {
    const from = second.lines().length
    const since = () => second.lines().slice(from)
    // Telegram takes one setWebhook a second.
    await shop.controls.advance(1_100)
    await shop.sql('select pg_terminate_backend(backend_pid) from leadership')
    await until(() => since().some((line) => line.includes('Active services')), 'it leads again')
    findsAll(since(), [/LOCK_LOST/, /STATE_SYNC.*PASSIVE → ACTIVE/, ...ofEveryLeader])
  })

  it('in logs that `logs check` calls whole', async () => {
    for (const { lines, stop } of [first, second]) {
      await stop()
      const { code, out } = await trt(['logs', 'check', '-', '--settled'], {}, { input: lines().join('\n') })
      assert.equal(code, 0, out)
    }
  })
})
