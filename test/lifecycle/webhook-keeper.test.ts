import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { createClock } from '../../src/kit/clock.ts'
import { createTelegramClient } from '../../src/telegram/client.ts'
import { type WebhookSeen, wantedConnections, wantedUpdates } from '../../src/webhook/webhook.ts'
import { serve } from '../fixtures/loopback.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { controlsOf } from '../fixtures/sandbox.ts'
import { startKeeping, tokenOf } from './keeping.ts'

/** The webhook, kept: against the sandbox's Telegram, with a clock that the test moves. */
const sandbox = await createSandbox({ port: 0, seed: 'webhook', floodLimits: false })
after(() => sandbox.close())
const controls = controlsOf(sandbox.url)
/** Telegram takes another webhook a second after the last. */
const aMoment = () => controls.advance(1_500)
afterEach(() => controls.clearFaults())

const byHand = (bot: number) =>
  createTelegramClient({ token: tokenOf(bot), apiRoot: `${sandbox.url}/telegram`, clock: createClock() })

async function seenOf(bot: number): Promise<WebhookSeen> {
  const seen = await byHand(bot).getWebhookInfo()
  assert.ok(seen.kind === 'done')
  return seen.value
}

async function callsOf(bot: number, method: string) {
  return (await controls.calls(method)).filter((call) => call['bot'] === bot)
}

const wish = { allowedUpdates: wantedUpdates, maxConnections: wantedConnections }
type Keeping = Awaited<ReturnType<typeof startKeeping>>

/** The keeper's next look. */
async function aMinute(keeping: Keeping): Promise<void> {
  await aMoment()
  await keeping.clock.advance(60_000)
  await keeping.rests()
}

describe('becoming ACTIVE', () => {
  it('sets the webhook with its secret, reads it back, and only then says that it is verified', async (t) => {
    const keeping = await startKeeping(t, sandbox.url)
    await keeping.rests()
    assert.deepEqual(keeping.events(), ['WEBHOOK_SETTING', 'WEBHOOK_SET', 'WEBHOOK_VERIFIED', 'DUTIES_STARTED'])
    const [set, ...more] = await callsOf(keeping.bot, 'setWebhook')
    assert.deepEqual(more, [])
    assert.equal(set?.params['secret_token'], keeping.secret)
    assert.deepEqual(await seenOf(keeping.bot), { url: keeping.url, pending: 0, ...wish })
    assert.equal(keeping.figures().verifiedAt, keeping.clock.now())
    assert.deepEqual(keeping.deeds, ['webhook_set', 'webhook_verified', 'duties_started'])
  })

  it('does so again each time, although the address is the same: the secret cannot be read back', async (t) => {
    const keeping = await startKeeping(t, sandbox.url)
    await keeping.rests()
    await keeping.demote()
    assert.equal(keeping.figures().verifiedAt, undefined, 'a standby keeps nothing')
    keeping.lead()
    await keeping.rests()
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 2)
    assert.equal(keeping.count('DUTIES_STARTED'), 2)
  })

  it('shows no secret in any line', async (t) => {
    const keeping = await startKeeping(t, sandbox.url)
    await keeping.rests()
    assert.doesNotMatch(keeping.lines.join('\n'), /the-secret/)
  })

  it('leaves the webhook, and what waits, where they are when it ends', async (t) => {
    const keeping = await startKeeping(t, sandbox.url)
    await keeping.rests()
    await keeping.demote()
    assert.equal((await seenOf(keeping.bot)).url, keeping.url)
    assert.deepEqual(await callsOf(keeping.bot, 'deleteWebhook'), [])
    const drops = (await callsOf(keeping.bot, 'setWebhook')).map(({ params }) => String(params['drop_pending_updates']))
    assert.deepEqual(drops, ['false'])
  })
})

describe('Telegram does not take it', () => {
  it('is asked after 5, 10 and 20 s, then at most every five minutes for ever, and told once as failed', async (t) => {
    await controls.fault({ on: 'telegram', method: 'setWebhook', times: 8, status: 500 })
    const keeping = await startKeeping(t, sandbox.url)
    for (const seconds of [5, 10, 20, 60, 120, 300, 300, 300]) {
      assert.equal(await keeping.rests(), seconds * 1000)
      await keeping.clock.advance(seconds * 1000)
    }
    await keeping.rests()
    assert.equal(keeping.count('WEBHOOK_SET_RETRY'), 8)
    assert.equal(keeping.count('WEBHOOK_SET_FAILED'), 1)
    assert.equal(keeping.events().at(-1), 'DUTIES_STARTED')
  })

  it('waits as long as a 429 says', async (t) => {
    await controls.fault({ on: 'telegram', method: 'setWebhook', status: 429, retry_after: 37 })
    const keeping = await startKeeping(t, sandbox.url)
    assert.equal(await keeping.rests(), 37_000)
  })

  for (const [what, fault] of [
    ['401', { status: 401, description: 'Unauthorized' }],
    ['another setWebhook at the same time', { status: 409, description: 'Conflict: terminated by other setWebhook' }],
    ['nothing at all', { delay_ms: onThisMachine(2_000) }],
    ['an answer that is lost', { status: 502, after_execution: true }],
  ] as const) {
    it(`goes on after ${what}`, async (t) => {
      await controls.fault({ on: 'telegram', method: 'setWebhook', ...fault })
      const keeping = await startKeeping(t, sandbox.url, { callMs: onThisMachine(400) })
      assert.equal(await keeping.rests(), 5_000)
      await aMoment()
      await keeping.clock.advance(5_000)
      await keeping.rests()
      assert.equal(keeping.count('WEBHOOK_VERIFIED'), 1)
    })
  }

  it('stops asking at once when the instance stands by again, also in the middle of a call', async (t) => {
    await controls.fault({ on: 'telegram', method: 'setWebhook', delay_ms: onThisMachine(5_000) })
    const keeping = await startKeeping(t, sandbox.url)
    await until(() => keeping.count('WEBHOOK_SETTING') === 1, 'the call is under way')
    const started = performance.now()
    await keeping.demote()
    assert.ok(performance.now() - started < onThisMachine(1_000))
    assert.deepEqual(keeping.events(), ['WEBHOOK_SETTING'])
  })

  it('is not said to be verified while it cannot be read back, and is looked at again soon', async (t) => {
    await controls.fault({ on: 'telegram', method: 'getWebhookInfo', times: 2, status: 500 })
    const keeping = await startKeeping(t, sandbox.url)
    for (let looks = 0; looks < 2; looks++) {
      assert.equal(await keeping.rests(), 5_000)
      assert.equal(keeping.count('WEBHOOK_VERIFIED'), 0)
      await keeping.clock.advance(5_000)
    }
    assert.equal(await keeping.rests(), 60_000)
    assert.equal(keeping.count('WEBHOOK_VERIFIED'), 1)
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 1)
  })
})

describe('somebody changes it', () => {
  type Change = (keeping: Keeping) => Promise<unknown>
  const elsewhere = { url: `${sandbox.url}/another-secret`, secretToken: 'x', allowedUpdates: ['message'] } as const
  const changes: readonly (readonly [string, Change, RegExp])[] = [
    ['removed', ({ bot }) => byHand(bot).deleteWebhook(), /was removed/],
    ['pointed elsewhere', ({ bot }) => byHand(bot).setWebhook(elsewhere), /the address is .*\/\*\*\*$/],
    [
      'without the updates of payments',
      ({ bot, url, secret }) => byHand(bot).setWebhook({ url, secretToken: secret, allowedUpdates: ['message'] }),
      /lacks .*pre_checkout_query, my_chat_member/,
    ],
    [
      'one connection only',
      ({ bot, url, secret }) => byHand(bot).setWebhook({ url, secretToken: secret, ...wish, maxConnections: 1 }),
      /max_connections is 1/,
    ],
  ]
  for (const [what, change, told] of changes) {
    it(`${what}: it is told, and corrected within a minute, once`, async (t) => {
      const keeping = await startKeeping(t, sandbox.url)
      await keeping.rests()
      await aMoment()
      assert.deepEqual(await change(keeping), { kind: 'done', value: true })
      await aMinute(keeping)
      assert.match(String(keeping.fieldsOf('WEBHOOK_DRIFT')[0]?.['what']), told)
      assert.deepEqual(await seenOf(keeping.bot), { url: keeping.url, pending: 0, ...wish })
      assert.deepEqual(keeping.events().slice(-3), ['WEBHOOK_SETTING', 'WEBHOOK_SET', 'WEBHOOK_VERIFIED'])
      assert.match(keeping.figures().drift?.what ?? '', told)
      await aMinute(keeping)
      assert.equal(keeping.count('WEBHOOK_DRIFT'), 1)
      for (let minutes = 0; minutes < 9; minutes++) await aMinute(keeping)
      assert.equal(keeping.figures().drift, undefined, 'after ten minutes it is history')
    })
  }

  it('that Telegram does not say what it has is no change', async (t) => {
    const keeping = await startKeeping(t, sandbox.url)
    await keeping.rests()
    await controls.fault({ on: 'telegram', method: 'getWebhookInfo', status: 502 })
    await aMinute(keeping)
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 1)
    assert.notEqual(keeping.figures().verifiedAt, undefined)
  })

  it('again and again: after three corrections in ten minutes it is left, until it stays right for ten', async (t) => {
    const keeping = await startKeeping(t, sandbox.url)
    await keeping.rests()
    const spoil = async () => {
      await aMoment()
      await byHand(keeping.bot).deleteWebhook()
      await aMinute(keeping)
    }
    for (let times = 0; times < 3; times++) await spoil()
    assert.equal(keeping.count('WEBHOOK_CONTESTED'), 1)
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 4)
    await spoil()
    await aMinute(keeping)
    assert.equal((await seenOf(keeping.bot)).url, '', 'it is left as it is')
    assert.equal(keeping.figures().verifiedAt, undefined)
    assert.notEqual(keeping.figures().contestedSince, undefined)

    await aMoment()
    await byHand(keeping.bot).setWebhook({ url: keeping.url, secretToken: keeping.secret, ...wish })
    for (let minutes = 0; minutes < 11; minutes++) await aMinute(keeping)
    assert.equal(keeping.figures().contestedSince, undefined, 'nobody else corrects it any more')
    await spoil()
    assert.equal((await seenOf(keeping.bot)).url, keeping.url, 'and so it is corrected again')
  })
})

describe('Telegram is refused by our own door', () => {
  const hasError = (bot: number) =>
    until(async () => (await seenOf(bot)).lastError !== undefined, 'Telegram has an error')

  it('a webhook set by hand with another secret is set again as soon as Telegram tells of the refusal', async (t) => {
    const door = await serve(t, ({ headers }, response) => {
      response.statusCode = headers['x-telegram-bot-api-secret-token'] === 'the-secret-token' ? 200 : 403
      response.end()
    })
    const keeping = await startKeeping(t, sandbox.url, { url: `${door.url}/webhook/the-secret-path` })
    await keeping.rests()
    await aMoment()
    await byHand(keeping.bot).setWebhook({ ...wish, url: keeping.url, secretToken: 'of-somebody-else' })
    await keeping.isWrittenTo(controls)
    await hasError(keeping.bot)
    await aMinute(keeping)
    assert.match(String(keeping.fieldsOf('WEBHOOK_LAST_ERROR')[0]?.['error']), /403/)
    assert.equal(keeping.count('WEBHOOK_DRIFT'), 0)
    await controls.advance(120_000)
    await until(async () => (await seenOf(keeping.bot)).pending === 0, 'what waited has come in')
  })

  it('an error that is older than what was accepted since says nothing', async (t) => {
    const door = await serve(t, (_, response) => void response.writeHead(404).end())
    const keeping = await startKeeping(t, sandbox.url, { url: `${door.url}/webhook/the-secret-path` })
    await keeping.rests()
    await keeping.isWrittenTo(controls)
    await hasError(keeping.bot)
    keeping.accepted(Number.MAX_SAFE_INTEGER)
    await aMinute(keeping)
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 1)
    assert.equal(keeping.figures().failingSince, undefined)
  })

  it('setting it again and again does not help against an instance with another secret, so it is left', async (t) => {
    const door = await serve(t, (_, response) => void response.writeHead(403).end())
    const keeping = await startKeeping(t, sandbox.url, { url: `${door.url}/webhook/the-secret-path` })
    await keeping.rests()
    await keeping.isWrittenTo(controls)
    await hasError(keeping.bot)
    for (let minutes = 0; minutes < 5; minutes++) {
      const { lastError } = await seenOf(keeping.bot)
      await controls.advance(130_000)
      await until(
        async () => ((await seenOf(keeping.bot)).lastError?.at ?? 0) > (lastError?.at ?? 0),
        'it failed again',
      )
      await aMinute(keeping)
    }
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 4)
    assert.equal(keeping.count('WEBHOOK_CONTESTED'), 1)
  })

  it('another error is told once and shown, and setting the webhook again would not help it', async (t) => {
    const door = await serve(t, (_, response) => void response.writeHead(503).end())
    const keeping = await startKeeping(t, sandbox.url, { url: `${door.url}/webhook/the-secret-path` })
    await keeping.rests()
    await keeping.isWrittenTo(controls)
    await hasError(keeping.bot)
    await aMinute(keeping)
    assert.equal(keeping.count('WEBHOOK_LAST_ERROR'), 1)
    assert.equal((await callsOf(keeping.bot, 'setWebhook')).length, 1)
    assert.notEqual(keeping.figures().failingSince, undefined)
    assert.match(keeping.figures().lastError ?? '', /503/)
  })
})
