import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Env, readConfig } from '../../src/config/config.ts'
import { type Setting, type SettingName, settings } from '../../src/config/settings.ts'
import { cases } from '../fixtures/seed.ts'

const live: Env = {
  TELEGRAM_BOT_TOKEN: `7654321:${'A'.repeat(35)}`,
  KIE_API_KEY: 'a-key-of-kie',
  DATABASE_URL: 'postgres://trt:secret-w0rd@db.example.com/trt',
  WEBHOOK_BASE_URL: 'https://bot.example.com',
  ADMIN_ID: '12345678',
}
const table: Readonly<Record<string, Setting>> = settings
const names = Object.keys(settings)
const accepted = (env: Env) => {
  const read = readConfig(env)
  assert.ok(read.ok, JSON.stringify(read))
  return read
}
const problemsOf = (env: Env) => {
  const read = readConfig(env)
  return read.ok ? [] : read.problems
}

describe('the settings', () => {
  it('need nothing to try it: the sandbox, on this machine only, with its own database', () => {
    const { config, warnings } = accepted({})
    assert.equal(config.world.kind, 'sandbox')
    assert.equal(config.storage.engine, 'embedded')
    assert.equal(config.http.address, '127.0.0.1')
    assert.equal(config.instanceOf, 'sandbox')
    assert.deepEqual(warnings, [])
  })

  it('go live with the rows that are named for it', () => {
    const { config } = accepted(live)
    assert.ok(config.world.kind === 'live')
    assert.equal(config.world.publicUrl, 'https://bot.example.com')
    assert.equal(config.http.address, '0.0.0.0')
    assert.equal(config.instanceOf, 'main')
  })

  it('are refused with every problem at once, each with what it should be', () => {
    const env = {
      ...live,
      TELEGRAM_BOT_TOKEN: 'not-a-token',
      PORT: '70000',
      DB_MAX_CONN: '2',
      BOT_INSTANCE_ID: 'Main-Bot',
      SHOP_TIMEZONE: 'Mars/Olympus',
      LOG_LEVEL: 'LOUD',
      USD_TO_RUB: '1e9',
      METRICS_TOKEN: 'short',
    }
    const problems = problemsOf(env)
    const wrong = [
      'TELEGRAM_BOT_TOKEN',
      'PORT',
      'DB_MAX_CONN',
      'BOT_INSTANCE_ID',
      'SHOP_TIMEZONE',
      'LOG_LEVEL',
      'USD_TO_RUB',
      'METRICS_TOKEN',
    ]
    assert.deepEqual(new Set(problems.map(({ setting }) => setting)), new Set(wrong))
    for (const { problem, todo } of problems) assert.ok(problem !== '' && todo !== '')
  })

  it('never show a secret in what is wrong with it, whatever it is', () => {
    const secretNames = names.filter((name) => table[name]?.secret)
    assert.ok(secretNames.length >= 8)
    fc.assert(
      fc.property(fc.constantFrom(...secretNames), fc.string({ minLength: 4, maxLength: 40 }), (name, text) => {
        const secret = `s3cr3t${text}`
        const read = readConfig({ ...live, [name]: secret })
        const said = JSON.stringify(read.ok ? read.warnings : read.problems)
        assert.ok(!said.includes('s3cr3t'), said)
      }),
      cases(),
    )
  })

  it('never meet in a mixture of the two worlds', () => {
    const some = (name: string) => fc.option(fc.constant([name, live[name]] as const), { nil: undefined })
    fc.assert(
      fc.property(
        some('TELEGRAM_BOT_TOKEN'),
        some('KIE_API_KEY'),
        some('WEBHOOK_BASE_URL'),
        fc.boolean(),
        (token, key, url, asked) => {
          const env = Object.fromEntries(
            [['ADMIN_ID', '1'] as const, token, key, url].filter((pair) => pair !== undefined),
          )
          const read = readConfig(env, { sandboxAsked: asked })
          if (!read.ok) return
          if (read.config.world.kind === 'live') assert.ok(token && key && url && !asked)
          else {
            assert.ok(!token && !url)
            assert.equal(read.config.world.realKieKey !== undefined, asked && key !== undefined)
          }
        },
      ),
      cases(),
    )
  })

  it('are understood under the names that operators of the predecessor know', () => {
    const { BOT_TOKEN, RENDER_EXTERNAL_URL, ...rest } = {
      ...live,
      BOT_TOKEN: live['TELEGRAM_BOT_TOKEN'],
      RENDER_EXTERNAL_URL: 'https://shop.onrender.com',
    }
    const env = { ...rest, TELEGRAM_BOT_TOKEN: '', WEBHOOK_BASE_URL: ' ', BOT_TOKEN, RENDER_EXTERNAL_URL }
    const { config } = accepted(env)
    assert.ok(config.world.kind === 'live')
    assert.equal(config.world.botToken, BOT_TOKEN)
    assert.equal(config.world.publicUrl, RENDER_EXTERNAL_URL)
  })

  it('take the address that wins, and name the other one when they differ', () => {
    const env = {
      ...live,
      WEBHOOK_URL: 'https://new.example.com/webhook/',
      RENDER_EXTERNAL_URL: 'https://x.onrender.com',
    }
    const { config, warnings } = accepted(env)
    assert.ok(config.world.kind === 'live')
    assert.equal(config.world.publicUrl, 'https://new.example.com')
    assert.deepEqual(
      warnings.map(({ setting }) => setting),
      ['WEBHOOK_BASE_URL', 'RENDER_EXTERNAL_URL'],
    )
  })

  it('that are empty are unset, and those that are nearly right are named', () => {
    const { warnings } = accepted({
      PORT: '',
      LOG_LEVEL: '  ',
      KIE_APIKEY: 'x',
      TELEGRAM_BOT_TOKNE: 'y',
      PATH: '/bin',
      HOME: '/',
    })
    assert.deepEqual(
      warnings.map(({ setting, todo }) => [setting, todo]),
      [
        ['KIE_APIKEY', 'did you mean KIE_API_KEY?'],
        ['TELEGRAM_BOT_TOKNE', 'did you mean TELEGRAM_BOT_TOKEN?'],
      ],
    )
  })

  it('let the callbacks have any route but that of the webhook', () => {
    for (const path of ['callbacks/kie', '/kie/', 'a-b_c', 'webhooks'])
      assert.equal(accepted({ KIE_CALLBACK_PATH: path }).config.kieCallback.path, path.replace(/^\/|\/$/g, ''))
    for (const path of ['webhook', '/webhook/kie', '/', '//', 'a//b', 'a b', '../x', 'kie?x'])
      assert.deepEqual(
        problemsOf({ KIE_CALLBACK_PATH: path }).map(({ setting }) => setting),
        ['KIE_CALLBACK_PATH'],
        path,
      )
  })

  it('each say what they mean and what is right, and begin with a value that is', () => {
    for (const [name, { meaning, shape, initial, check }] of Object.entries(table)) {
      assert.ok(meaning !== '' && shape !== '', name)
      if (initial !== undefined && check !== undefined) assert.match(initial, check, name)
    }
  })

  it('are those of the contract', () => {
    const contract: readonly SettingName[] = [
      'TELEGRAM_BOT_TOKEN',
      'KIE_API_KEY',
      'DATABASE_URL',
      'WEBHOOK_BASE_URL',
      'WEBHOOK_URL',
      'ADMIN_ID',
      'ADMIN_IDS',
      'BOT_MODE',
      'PRE_CHECKOUT',
      'PORT',
      'LISTEN_ADDRESS',
      'WEBHOOK_SECRET_PATH',
      'WEBHOOK_SECRET_TOKEN',
      'KIE_CALLBACK_PATH',
      'KIE_CALLBACK_TOKEN',
      'KIE_WEBHOOK_HMAC_KEY',
      'BOT_INSTANCE_ID',
      'LOCK_BACKEND',
      'REDIS_URL',
      'WORK',
      'BOOT_WARMUP_BUDGET_SECONDS',
      'REDIS_CONNECT_TIMEOUT_SECONDS',
      'DB_MAX_CONN',
      'TELEGRAM_API_ROOT',
      'KIE_API_URL',
      'KIE_UPLOAD_URL',
      'USD_TO_RUB',
      'PRICE_MULTIPLIER',
      'STARS_PER_RUB',
      'CURRENCY',
      'SHOP_TIMEZONE',
      'FREE_DAILY',
      'SUPPORT_TELEGRAM',
      'SUPPORT_TEXT',
      'METRICS_TOKEN',
      'LOG_LEVEL',
      'LOG_FORMAT',
      'DATA_DIR',
      'SANDBOX_PORT',
    ]
    for (const name of contract) assert.ok(names.includes(name), name)
  })
})
