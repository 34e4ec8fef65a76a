import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openShop, type Shop, trt } from './shop.ts'

/** The webhook by hand, while no service runs: as the leader would set it, and never at the cost of what waits. */
let shop: Shop
before(async () => {
  shop = await openShop({
    WEBHOOK_SECRET_PATH: 'the-path-of-this-test',
    WEBHOOK_SECRET_TOKEN: 'the-token-of-this-test',
  })
})
after(() => shop.end())

const lastCall = async (method: string) => (await shop.controls.calls(method)).at(-1)
const isPatient = () => shop.controls.advance(1_100)

describe('webhook', () => {
  it('set registers what the leader would: secret, every kind of update, pending updates kept', async () => {
    const { code, out } = await trt(['webhook', 'set'], shop.env)
    assert.equal(code, 0)
    assert.match(out, /^Set: http:\/\/127\.0\.0\.1:\d+\/webhook\/\*\*\*\n/)
    const { params } = (await lastCall('setWebhook')) ?? {}
    assert.equal(params?.['url'], `${shop.env['WEBHOOK_BASE_URL']}/webhook/the-path-of-this-test`)
    assert.equal(params?.['secret_token'], 'the-token-of-this-test')
    assert.equal(params?.['drop_pending_updates'], false)
    assert.match(JSON.stringify(params?.['allowed_updates']), /pre_checkout_query.*my_chat_member/)
  })

  it('set --url takes another address', async () => {
    await isPatient()
    const { code } = await trt(['webhook', 'set', '--url', 'http://127.0.0.1:3/'], shop.env)
    assert.equal(code, 0)
    assert.equal((await lastCall('setWebhook'))?.params['url'], 'http://127.0.0.1:3/webhook/the-path-of-this-test')
  })

  it('set waits as long as Telegram wants', async () => {
    await isPatient()
    await shop.controls.fault({ on: 'telegram', method: 'setWebhook', status: 429, retry_after: 1 })
    const { code, out } = await trt(['webhook', 'set'], shop.env)
    assert.equal(code, 0)
    assert.match(out, /^Telegram wants 1 s of patience…\nSet: /)
  })

  it('set says what Telegram refused', async () => {
    await shop.controls.fault({
      on: 'telegram',
      method: 'setWebhook',
      status: 400,
      description: 'Bad Request: bad webhook',
    })
    const { code, err } = await trt(['webhook', 'set'], shop.env)
    assert.equal(code, 1)
    assert.match(err, /^webhook set: .*bad webhook\. See trt doctor\.\n$/)
  })

  it('info shows what Telegram has, without the path', async () => {
    const { code, out, all } = await trt(['webhook', 'info'], shop.env)
    assert.equal(code, 0)
    assert.match(
      out,
      /^url {14}http:\/\/127\.0\.0\.1:\d+\/webhook\/\*\*\*\npending {10}0\nallowed_updates {2}message, /,
    )
    assert.doesNotMatch(all, /the-path-of-this-test/)
  })

  it('info --reveal prints the curl lines with the secrets on a terminal, and refuses elsewhere', async () => {
    const shown = await trt(['webhook', 'info', '--reveal'], shop.env, { onTerminal: true })
    assert.equal(shown.code, 0)
    assert.match(
      shown.revealed,
      /curl -s '.*\/bot7000001:a-token.*\/setWebhook' .*the-path-of-this-test.*the-token-of-this-test/,
    )
    assert.doesNotMatch(shown.all, /the-path-of-this-test|the-token-of-this-test|a-token-of/)
    const refused = await trt(['webhook', 'info', '--reveal'], shop.env)
    assert.deepEqual([refused.code, refused.revealed, refused.out], [1, '', ''])
    assert.match(refused.err, /on a terminal only/)
  })

  it('delete keeps the updates that wait, unless --drop-pending is typed', async () => {
    const kept = await trt(['webhook', 'delete'], shop.env)
    assert.equal(kept.code, 0)
    assert.equal((await lastCall('deleteWebhook'))?.params['drop_pending_updates'], false)
    assert.match((await trt(['webhook', 'info'], shop.env)).out, /^url {14}none\n/)
    await trt(['webhook', 'delete', '--drop-pending'], shop.env)
    assert.equal((await lastCall('deleteWebhook'))?.params['drop_pending_updates'], true)
  })

  it('does nothing at a word it does not know', async () => {
    const { code, err } = await trt(['webhook', 'set', '--drop-pendin'], shop.env)
    assert.equal(code, 1)
    assert.match(err, /Unknown option '--drop-pendin'/)
  })
})
