import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { joinKeeper } from '../../src/keeper/keeper.ts'
import { createClock } from '../../src/kit/clock.ts'
import { type Child, cpuMs, startChild } from './children.ts'
import type { Target } from './load.ts'
import { botToken } from './telegram.ts'

/** Where a bench plays: a folder of its own, the embedded PostgreSQL in it, and the servers that are compared. */
export type Stage = {
  readonly folder: string
  readonly databaseUrl: string
  /** One query over a connection of its own. */
  ask<Row extends pg.QueryResultRow>(text: string): Promise<readonly Row[]>
  end(): Promise<void>
}
export type Server = { readonly target: Target; readonly child: Child }

const secret = 'bench-secret-token'
const secretPath = 'bench-secret-path'

/** A folder that the unprivileged user of the database can pass through. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'trt-bench-'))
  await chmod(folder, 0o711)
  return folder
}

export async function setStage(): Promise<Stage> {
  const folder = await makeFolder()
  const { databaseUrl, release } = await joinKeeper({ dataDir: folder, clock: createClock(), lingerMs: 200 })
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  return {
    folder,
    databaseUrl,
    ask: async (text) => (await client.query(text)).rows,
    async end() {
      await client.end()
      await release()
      await removeFolder(folder)
    },
  }
}

/** Waits until nothing runs in the folder any more, and removes it. */
export async function removeFolder(folder: string): Promise<void> {
  await pause(1_500)
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 })
}

/** The service as an operator starts it for the live world, with this Telegram instead of the real one; it leads. */
export const startService = (stage: Stage, telegramUrl: string, more: Record<string, string> = {}): Promise<Server> =>
  startInstance(stage, telegramUrl, { name: 'service', until: /DUTIES_STARTED/, env: more })

/** One instance of several, until it has said that it is so far. */
export async function startInstance(
  stage: Stage,
  telegramUrl: string,
  { name, until, env = {} }: { readonly name: string; readonly until: RegExp; readonly env?: Record<string, string> },
): Promise<Server> {
  const child = startChild(['bin/trt.js', 'start'], {
    folder: stage.folder,
    name,
    env: {
      TELEGRAM_BOT_TOKEN: botToken,
      TELEGRAM_API_ROOT: telegramUrl,
      KIE_API_KEY: 'bench-key-that-pays-for-nothing',
      KIE_API_URL: telegramUrl,
      KIE_UPLOAD_URL: telegramUrl,
      WEBHOOK_BASE_URL: 'https://bench.invalid',
      WEBHOOK_SECRET_PATH: secretPath,
      WEBHOOK_SECRET_TOKEN: secret,
      ADMIN_ID: '1',
      PORT: '0',
      LISTEN_ADDRESS: '127.0.0.1',
      DATA_DIR: stage.folder,
      ...env,
    },
  })
  await child.said(until)
  const port = (await child.said(/HTTP_LISTENING .*port=(\d+)/))[1]
  return { child, target: { url: `http://127.0.0.1:${port}/webhook/${secretPath}`, secret } }
}

/** One of `bench/baselines`; it says where it listens. */
export async function startBaseline(
  stage: Pick<Stage, 'folder'>,
  name: string,
  env: Record<string, string> = {},
): Promise<Server> {
  const child = startChild([`bench/baselines/${name}.ts`], {
    folder: stage.folder,
    name,
    env: { SECRET: secret, ...env },
  })
  const port = (await child.said(/listening on (\d+)/))[1]
  return { child, target: { url: `http://127.0.0.1:${port}/webhook/${secretPath}`, secret } }
}

/** The time that a server and the database have spent on processors, in milliseconds; NaN where the system does not tell. */
export async function spent(
  stage: Stage,
  server: Server,
): Promise<{ readonly process: number; readonly database: number }> {
  const backends = await stage.ask<{ pid: number }>('select pid from pg_stat_activity')
  const total = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + (cpuMs(pid) ?? Number.NaN), 0)
  return { process: total([server.child.pid]), database: total(backends.map(({ pid }) => pid)) }
}

/** Resolves when the service has handled everything it took; says how long that was, and how much it was. */
export async function drained(stage: Stage): Promise<{ readonly items: number; readonly seconds: number }> {
  const started = performance.now()
  const waiting = async () =>
    (await stage.ask<{ n: string }>('select count(*) as n from main.inbox where finished_at is null'))[0]?.n
  const items = Number(await waiting())
  while (Number(await waiting()) > 0) await pause(250)
  return { items, seconds: (performance.now() - started) / 1_000 }
}
