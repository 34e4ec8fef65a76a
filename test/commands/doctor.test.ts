import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { z } from 'zod'
import { createClock } from '../../src/kit/clock.ts'
import { createPerson, until } from '../fixtures/person.ts'
import { startPooler } from './pooler.ts'
import { type Env, openShop, type Running, type Shop, type Typed, trt } from './shop.ts'

/** Every breakage is named by the finding it belongs to, with a remedy; and a service in order is called in order. */
const findingShape = z.object({
  check: z.string(),
  state: z.enum(['ok', 'warning', 'failed']),
  says: z.string(),
  todo: z.string().optional(),
})
const reportShape = z.object({ ok: z.boolean(), next: z.string(), findings: z.array(findingShape) })

let shop: Shop
let running: Running
before(async () => {
  shop = await openShop()
  running = await shop.start()
})
after(async () => {
  await running.stop()
  await shop.end()
})

async function report(env: Env, typed?: Typed) {
  const { out, code } = await trt(['doctor', '--json'], env, typed)
  return { ...reportShape.parse(JSON.parse(out)), code }
}

describe('a service that is in order', () => {
  it('is called in order, with six verdicts on its webhook', async () => {
    await until(async () => (await report(shop.env)).findings.every(({ state }) => state === 'ok'), 'all is ok')
    const { ok, code, next, findings } = await report(shop.env)
    assert.deepEqual([ok, code, next], [true, 0, 'Everything is in order. Nothing to do.'])
    assert.deepEqual(
      findings.map(({ check }) => check),
      `settings storage database connections pooler clock.database migrations world shop work lock catalog top-ups identity operator.7000000001 clock.telegram
       service public relay webhook.leader webhook.duties webhook.set webhook.url webhook.settings webhook.info stars kie`.split(
        /\s+/,
      ),
    )
  })

  it('is told to people line by line, with a last line that says what to do', async () => {
    const { out, err } = await trt(['doctor'], shop.env)
    assert.match(out, /^ok {7}settings {10}every setting is right$/m)
    assert.match(out, /\n\nEverything is in order\. Nothing to do\.\n$/)
    assert.equal(err, '')
  })
})

type Breakage = {
  readonly what: string
  readonly env?: (env: Env) => Env
  readonly breaks?: () => Promise<unknown>
  readonly mends?: () => Promise<unknown>
  readonly typed?: Typed
  readonly check: string
  readonly state: 'warning' | 'failed'
  readonly says: RegExp
  readonly todo: RegExp
}

const nowhere = 'http://127.0.0.1:1'
const setAgain = async () => {
  await shop.controls.advance(1_100)
  const { code, err } = await trt(['webhook', 'set'], shop.env)
  assert.equal(code, 0, err)
}
const telegram = async (method: string, params: unknown) => {
  // Telegram takes one setWebhook a second.
  await shop.controls.advance(1_100)
  const answer = await fetch(`${shop.controls.url}/telegram/bot${shop.env['TELEGRAM_BOT_TOKEN']}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  })
  assert.equal(answer.status, 200, await answer.text())
}
const secretUrl = async () => {
  const [row] = await shop.sql("select value from secrets where name = 'webhook_path'")
  return `${shop.env['WEBHOOK_BASE_URL']}/webhook/${z.object({ value: z.string() }).parse(row).value}`
}

const breakages: readonly Breakage[] = [
  {
    what: 'a wrong value in a setting',
    env: (env) => ({ ...env, DB_MAX_CONN: '3' }),
    check: 'DB_MAX_CONN',
    state: 'failed',
    says: /less than 6/,
    todo: /6 or more/,
  },
  {
    what: 'a misspelt setting',
    env: (env) => ({ ...env, WEBHOOK_SECRET_TOKN: 'x' }),
    check: 'WEBHOOK_SECRET_TOKN',
    state: 'warning',
    says: /is no setting/,
    todo: /did you mean WEBHOOK_SECRET_TOKEN\?/,
  },
  {
    what: 'an instance that works alone beside a setting that shares',
    env: (env) => ({ ...env, WORK: 'shared' }),
    check: 'work',
    state: 'warning',
    says: /^WORK is shared here and exclusive in \S+$/,
    todo: /the same WORK/,
  },
  {
    what: 'an operator who never pressed Start',
    env: (env) => ({ ...env, ADMIN_IDS: `${env['ADMIN_ID']},42` }),
    check: 'operator.42',
    state: 'warning',
    says: /^operator 42 cannot be told anything \(.*chat not found\)$/,
    todo: /press Start.*ADMIN_ID/,
  },
  {
    what: 'a rate at which nobody can top up',
    env: (env) => ({ ...env, STARS_PER_RUB: '2500' }),
    check: 'top-ups',
    state: 'failed',
    says: /at 2500 Stars a rouble nobody can top up/,
    todo: /correct STARS_PER_RUB/,
  },
  {
    what: 'two public addresses that differ',
    env: (env) => ({ ...env, RENDER_EXTERNAL_URL: 'https://other.example.com' }),
    check: 'RENDER_EXTERNAL_URL',
    state: 'warning',
    says: /another address than WEBHOOK_BASE_URL/,
    todo: /remove one/,
  },
  {
    what: 'a database that does not answer',
    env: (env) => ({ ...env, DATABASE_URL: 'postgres://trt:password@127.0.0.1:1/trt' }),
    check: 'database',
    state: 'failed',
    says: /does not answer .*ECONNREFUSED/,
    todo: /host and port in DATABASE_URL/,
  },
  {
    what: 'a database that is not there',
    env: (env) => ({ ...env, DATABASE_URL: (env['DATABASE_URL'] ?? '').replace(/\/\w+$/, '/nobody_made_this') }),
    check: 'database',
    state: 'failed',
    says: /no such database/,
    todo: /create it/,
  },
  {
    what: 'more connections than the database gives',
    env: (env) => ({ ...env, DB_MAX_CONN: '5000' }),
    check: 'connections',
    state: 'failed',
    says: /DB_MAX_CONN is 5000/,
    todo: /DB_MAX_CONN lower/,
  },
  {
    what: 'the schema of a newer program',
    breaks: () => shop.sql("insert into migrations (number, name, oldest_program) values (9999, 'later', 9999)"),
    mends: () => shop.sql('delete from migrations where number = 9999'),
    check: 'migrations',
    state: 'failed',
    says: /newer program.*9999/,
    todo: /newer version, or restore a backup/,
  },
  {
    what: 'the schema of the other world',
    breaks: () => shop.sql("update world set kind = 'sandbox'"),
    mends: () => shop.sql("update world set kind = 'live'"),
    check: 'world',
    state: 'failed',
    says: /belongs to the sandbox world/,
    todo: /another BOT_INSTANCE_ID/,
  },
  {
    what: 'a database begun by another bot',
    breaks: () => shop.sql('update world set bot = 42'),
    mends: () => shop.sql('update world set bot = 7000001'),
    check: 'world',
    state: 'warning',
    says: /begun by 42/,
    todo: /never mixed/,
  },
  {
    what: 'settings of prices that are not those of the running shop',
    env: (env) => ({ ...env, PRICE_MULTIPLIER: '3', FREE_DAILY: '6' }),
    check: 'shop',
    state: 'warning',
    says: /^PRICE_MULTIPLIER is 3 here and was 2, FREE_DAILY is 6 here and was 5 at the last start/,
    todo: /restart every instance/,
  },
  {
    what: 'a token that Telegram refuses',
    breaks: () => shop.controls.fault({ on: 'telegram', method: 'getMe', status: 401, description: 'Unauthorized' }),
    check: 'identity',
    state: 'failed',
    says: /refuses the bot token/,
    todo: /@BotFather/,
  },
  {
    what: 'a Telegram that does not answer',
    env: (env) => ({ ...env, TELEGRAM_API_ROOT: nowhere }),
    check: 'identity',
    state: 'failed',
    says: /does not answer/,
    todo: /TELEGRAM_API_ROOT/,
  },
  {
    what: 'a key that KIE refuses',
    breaks: () => shop.controls.fault({ on: 'kie', method: '/kie/api/v1/chat/credit', status: 401 }),
    check: 'kie',
    state: 'failed',
    says: /refuses the key/,
    todo: /kie\.ai\/api-key/,
  },
  {
    what: 'no credits left at KIE',
    breaks: () => shop.controls.setCredits(0),
    mends: () => shop.controls.setCredits(10_000),
    check: 'kie',
    state: 'failed',
    says: /no credits are left/,
    todo: /top up/,
  },
  {
    what: 'a clock that is an hour off',
    typed: { clock: createClock({ offsetMs: -3_600_000 }) },
    check: 'clock.telegram',
    state: 'warning',
    // Telegram tells whole seconds.
    says: /(3599|3600|3601) s ahead of ours/,
    todo: /NTP/,
  },
  {
    what: 'an address that leads nowhere',
    env: (env) => ({ ...env, WEBHOOK_BASE_URL: nowhere }),
    check: 'public',
    state: 'failed',
    says: /does not answer/,
    todo: /WEBHOOK_BASE_URL/,
  },
  {
    what: 'a bot whose webhook is at another service',
    env: (env) => ({ ...env, WEBHOOK_BASE_URL: 'http://127.0.0.1:2' }),
    check: 'webhook.settings',
    state: 'failed',
    says: /has its webhook at http:\/\/127\.0\.0\.1:\d+\/webhook\/\*\*\*/,
    todo: /another bot token/,
  },
  {
    what: 'a service that does not run where the doctor is',
    env: (env) => ({ ...env, PORT: '1' }),
    check: 'service',
    state: 'warning',
    says: /nothing listens on port 1 here/,
    todo: /npm start/,
  },
  {
    what: 'a webhook that is not set',
    breaks: () => trt(['webhook', 'delete'], shop.env),
    mends: setAgain,
    check: 'webhook.url',
    state: 'warning',
    says: /no webhook/,
    todo: /trt webhook set/,
  },
  {
    what: 'a webhook with another path',
    breaks: () => telegram('setWebhook', { url: `${shop.env['WEBHOOK_BASE_URL']}/webhook/somebody-elses` }),
    mends: setAgain,
    check: 'webhook.url',
    state: 'failed',
    says: /does not end in the secret path/,
    todo: /trt webhook set/,
  },
  {
    what: 'a webhook that asks for no pre-checkouts',
    breaks: async () => telegram('setWebhook', { url: await secretUrl(), allowed_updates: ['message'] }),
    mends: setAgain,
    check: 'stars',
    state: 'failed',
    says: /lacks pre_checkout_query/,
    todo: /trt webhook set/,
  },
  {
    what: 'a webhook without the secret token',
    breaks: async () => {
      await telegram('setWebhook', { url: await secretUrl() })
      const anna = await createPerson(shop.controls, { first_name: 'Анна', language_code: 'ru' })
      await anna.says('/start')
      await until(async () => (await trt(['webhook', 'info'], shop.env)).out.includes('403'), 'Telegram was refused')
    },
    mends: setAgain,
    check: 'webhook.info',
    state: 'failed',
    says: /pending=1 last_error=.*403.*nothing arrived since/,
    todo: /secret token differs.*trt webhook set/,
  },
  {
    what: 'a leader that never set the webhook',
    // Its epoch stays: the leader itself would take another one for the loss of its leadership.
    breaks: () =>
      shop.sql(
        "update leader_deeds set epoch = epoch - 1 where deed like 'webhook_%'; update leadership set acquired_at = acquired_at - interval '1 hour'",
      ),
    mends: () =>
      shop.sql(
        "update leader_deeds set epoch = epoch + 1 where deed like 'webhook_%'; update leadership set acquired_at = acquired_at + interval '1 hour'",
      ),
    check: 'webhook.set',
    state: 'failed',
    says: /^ACTIVE without a webhook/,
    todo: /WEBHOOK_SET_RETRY/,
  },
  {
    what: 'a leader that never read the webhook back right',
    breaks: () =>
      shop.sql(
        "update leader_deeds set epoch = epoch - 1 where deed = 'webhook_verified'; update leadership set acquired_at = acquired_at - interval '1 hour'",
      ),
    mends: () =>
      shop.sql(
        "update leader_deeds set epoch = epoch + 1 where deed = 'webhook_verified'; update leadership set acquired_at = acquired_at + interval '1 hour'",
      ),
    check: 'webhook.set',
    state: 'failed',
    says: /^ACTIVE without a verified webhook/,
    todo: /trt webhook set/,
  },
]

describe('the doctor names', () => {
  for (const { what, env = (same: Env) => same, breaks, mends, typed, check, state, says, todo } of breakages) {
    it(`${what}, and how to mend it`, async () => {
      await breaks?.()
      try {
        const { findings, ok, code } = await report(env(shop.env), typed)
        const found = findings.find((finding) => finding.check === check)
        assert.ok(found, `no finding ${check} in ${JSON.stringify(findings, null, 1)}`)
        assert.equal(found.state, state, JSON.stringify(found))
        assert.match(found.says, says)
        assert.match(found.todo ?? '', todo)
        const isWell = findings.every((finding) => finding.state !== 'failed')
        assert.deepEqual([ok, code], [isWell, isWell ? 0 : 1])
      } finally {
        await mends?.()
        await shop.controls.clearFaults()
      }
    })
  }

  it('a pooler in transaction mode, which the start refuses with the same sentence', async () => {
    const pooler = await startPooler(shop.databaseUrl)
    try {
      const env = { ...shop.env, DATABASE_URL: pooler.url, PORT: '0' }
      const { findings } = await report(env)
      const found = findings.find(({ check }) => check === 'pooler')
      assert.equal(found?.state, 'failed', JSON.stringify(findings, null, 1))
      assert.match(found?.todo ?? '', /direct address/)
      const { code, err } = await trt(['start'], env)
      assert.equal(code, 1)
      assert.ok(err.includes(found?.says ?? '?'), err)
    } finally {
      await pooler.end()
    }
  })
})

describe('a start that is refused', () => {
  it('says what the doctor says', async () => {
    const env = { ...shop.env, DATABASE_URL: 'postgres://trt:password@127.0.0.1:1/trt', PORT: '0' }
    const { findings } = await report(env)
    const found = findings.find(({ check }) => check === 'database')
    const { code, err } = await trt(['start'], env)
    assert.equal(code, 1)
    assert.equal(err, `database: ${found?.says}. To do: ${found?.todo}.\n`)
  })
})

describe('a service that has stopped', () => {
  it('is missed by the doctor, with the name of the last leader', async () => {
    await running.stop()
    try {
      const { findings, code } = await report(shop.env)
      const found = findings.find(({ check }) => check === 'webhook.leader')
      assert.equal(code, 1)
      assert.match(found?.says ?? '', /nobody leads; the last was instance \w+ \(host localhost, pid \d+\)/)
    } finally {
      running = await shop.start()
    }
  })
})
