import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import pg from 'pg'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { createPerson, type Person } from '../fixtures/person.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import { type Controls, controlsOf } from '../fixtures/sandbox.ts'
import type { End, Mode } from './channel.ts'
import { beginLife, type Life } from './life.ts'

/**
 * A shop whose process may die: a sandbox and a schema that outlive it, and the service as a process of its own. It
 * keeps its port from one life to the next, as a deployed service keeps its address.
 */
export type Shop = {
  readonly controls: Controls
  readonly schema: string
  readonly port: number
  /** A connection of the test's own, in the schema of the shop. */
  readonly db: pg.Client
  /** Every life so far, also those of a second instance. */
  readonly lives: readonly Life[]
  begin(wish?: { readonly end?: End; readonly port?: number; readonly publicPort?: number }): Life
  /** Somebody whom nobody else knows. */
  person(): Promise<Person>
  /** Ends what still runs, without asking. */
  end(): Promise<void>
}

export async function openShop(mode: Mode = 'webhook'): Promise<Shop> {
  const database = await testDatabase()
  const sandbox = await createSandbox({ port: 0, seed: 'crashes', floodLimits: false })
  const controls = controlsOf(sandbox.url)
  await controls.kie({ latency_ms: 50 })
  const port = await freePort()
  const db = new pg.Client({ connectionString: database.url, options: `-c search_path=${database.schema}` })
  await db.connect()
  const lives: Life[] = []
  let isClosed = false

  return {
    controls,
    schema: database.schema,
    port,
    db,
    lives,
    begin({ end, ...ports } = {}) {
      assert.ok(!isClosed, 'the shop has ended')
      const life = beginLife({
        databaseUrl: database.url,
        schema: database.schema,
        sandboxUrl: sandbox.url,
        port,
        publicPort: ports.port ?? port,
        mode,
        ...ports,
        ...(end === undefined ? {} : { end }),
      })
      lives.push(life)
      return life
    },
    person: () => createPerson(controls, { first_name: 'Анна', language_code: 'ru' }),
    async end() {
      isClosed = true
      for (const life of lives) life.signal('SIGKILL')
      await Promise.all(lives.map((life) => life.ended))
      await db.end()
      await sandbox.close()
      await database.end()
    },
  }
}

/** Outside the range that the system gives to outgoing connections, so that it is still free in the next life. */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
  assert.fail('no free port was found')
}
