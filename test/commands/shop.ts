import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { commands } from '../../src/commands/commands.ts'
import { type Clock, createClock } from '../../src/kit/clock.ts'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { freePort } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import { type Controls, controlsOf } from '../fixtures/sandbox.ts'

/** What a command said, and how it ended. */
export type Said = {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly log: string
  /** What only a terminal was shown. */
  readonly revealed: string
  /** Everything that anybody could see, but for what was revealed. */
  readonly all: string
}
export type Env = Readonly<Record<string, string>>
export type Typed = {
  readonly clock?: Clock
  readonly input?: string
  readonly onTerminal?: boolean
  readonly signal?: AbortSignal
  readonly hear?: (line: string) => void
}

/** Runs a command in this process, as `main.ts` would. */
export async function trt(words: readonly string[], env: Env, typed: Typed = {}): Promise<Said> {
  const { clock = createClock(), input = '', onTerminal = false, signal = new AbortController().signal, hear } = typed
  const [name = '', ...rest] = words
  const command = commands[name]
  assert.ok(command, `there is no command ${name}`)
  const said = { out: '', err: '', log: '', revealed: '' }
  const add = (where: 'out' | 'err' | 'revealed') => (line: string) => {
    said[where] += `${line}\n`
  }
  const code = await command.run({
    words: rest,
    env,
    pid: process.pid,
    host: 'localhost',
    version: '0.0.0',
    clock,
    signal,
    print: add('out'),
    complain: add('err'),
    input: () => Readable.from([input]),
    ...(onTerminal ? { reveal: add('revealed') } : {}),
    log: (line) => {
      said.log += line
      hear?.(line)
    },
    onLogDropped: () => {},
    onUncaught: () => {},
  })
  return { code, ...said, all: `${said.out}${said.err}${said.log}` }
}

/**
 * A shop as an operator has it, with every live setting, whose Telegram and KIE are a sandbox. The service is the real
 * `start`, in this process.
 */
export type Shop = {
  readonly env: Env
  readonly controls: Controls
  readonly schema: string
  readonly databaseUrl: string
  /** Resolves when the instance has told `awaits`: that it has begun the leader's duties, unless said otherwise. */
  start(more?: Env, awaits?: string, clock?: Clock): Promise<Running>
  /** One statement on a connection that no part of the service uses. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly unknown[]>
  end(): Promise<void>
}
export type Running = {
  readonly url: string
  lines(): readonly string[]
  /** Ends it as SIGTERM would. */
  stop(): Promise<Said>
}

export async function openShop(more: Env = {}): Promise<Shop> {
  const database = await testDatabase()
  const sandbox = await createSandbox({ port: 0, seed: 'commands', floodLimits: false })
  const port = await freePort()
  // The operator's chat with the bot.
  const operator = z
    .object({ id: z.number() })
    .parse(await controlsOf(sandbox.url).ask('POST', '/people', { first_name: 'Ольга', language_code: 'ru' }))
  const env = {
    TELEGRAM_BOT_TOKEN: '7000001:a-token-of-the-sandbox-that-opens-nothing',
    KIE_API_KEY: 'a-key-of-the-sandbox-that-pays-nothing',
    DATABASE_URL: database.url,
    ADMIN_ID: String(operator.id),
    BOT_INSTANCE_ID: database.schema,
    PORT: String(port),
    LISTEN_ADDRESS: '127.0.0.1',
    WEBHOOK_BASE_URL: `http://127.0.0.1:${port}`,
    TELEGRAM_API_ROOT: `${sandbox.url}/telegram`,
    KIE_API_URL: `${sandbox.url}/kie`,
    KIE_UPLOAD_URL: `${sandbox.url}/kie-upload`,
    ...more,
  }
  return {
    env,
    controls: controlsOf(sandbox.url),
    schema: database.schema,
    databaseUrl: database.url,
    start: (another = {}, awaits = ' DUTIES_STARTED ', clock = createClock()) =>
      startShop({ ...env, ...another }, awaits, clock),
    async sql(text, values = []) {
      const client = await connectOnce({ url: database.url, schema: database.schema, owner: 'test' })
      try {
        return (await client.query(text, [...values])).rows
      } finally {
        await client.end()
      }
    },
    async end() {
      await sandbox.close()
      await database.end()
    },
  }
}

async function startShop(env: Env, awaits: string, clock: Clock): Promise<Running> {
  const lines: string[] = []
  const leaving = new AbortController()
  const ended = trt(['start'], env, { clock, signal: leaving.signal, hear: (line) => void lines.push(line.trimEnd()) })
  let over: Said | undefined
  void ended.then((said) => {
    over = said
  })
  await until(() => {
    assert.equal(over, undefined, over?.all)
    return lines.some((line) => line.includes(awaits))
  }, `it has told${awaits}`)
  return {
    url: `http://127.0.0.1:${env['PORT']}`,
    lines: () => lines,
    async stop() {
      leaving.abort('SIGTERM')
      return await ended
    },
  }
}
