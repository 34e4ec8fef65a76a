import assert from 'node:assert/strict'
import pg from 'pg'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { freePort } from '../fixtures/loopback.ts'
import { createPerson, type Person } from '../fixtures/person.ts'
import { type TestDatabase, testDatabase } from '../fixtures/postgres.ts'
import { type Controls, controlsOf } from '../fixtures/sandbox.ts'
import type { Boot, Env } from './channel.ts'
import { beginLife, type Life } from './life.ts'

/**
 * A shop whose process may die: a sandbox and a schema that outlive it, and the service as a process of its own. It
 * keeps its port from one life to the next, as a deployed service keeps its address.
 */
export type Shop = {
  readonly controls: Controls
  readonly schema: string
  readonly port: number
  /** Of a second instance. */
  readonly otherPort: number
  /** Connections of the test's own, in the schema of the shop. */
  readonly db: pg.Pool
  /** Every life so far, also those of a second instance. */
  readonly lives: readonly Life[]
  begin(wish?: Wish): Life
  /** Somebody whom nobody else knows. */
  person(): Promise<Person>
  /** Ends what still runs, without asking. */
  end(): Promise<void>
}

/** `program`: another one than ours, as one that was deployed before or will be deployed next. */
export type Wish = { readonly publicPort?: number; readonly program?: string } & Partial<
  Pick<Boot, 'end' | 'port' | 'env' | 'times' | 'poison'>
>

/** With these settings besides the usual ones; in the database that is given, when one is. */
export async function openShop(env: Env = {}, given?: TestDatabase): Promise<Shop> {
  const database = given ?? (await testDatabase())
  const sandbox = await createSandbox({ port: 0, seed: 'crashes', floodLimits: false, pictureSideMax: 256 })
  const controls = controlsOf(sandbox.url)
  await controls.kie({ latency_ms: 50 })
  const port = await freePort()
  const otherPort = await freePort()
  const db = new pg.Pool({ connectionString: database.url, options: `-c search_path=${database.schema}`, max: 3 })
  const lives: Life[] = []
  let isClosed = false

  return {
    controls,
    schema: database.schema,
    port,
    otherPort,
    db,
    lives,
    begin({ program, ...wish } = {}) {
      assert.ok(!isClosed, 'the shop has ended')
      const boot = {
        databaseUrl: database.url,
        schema: database.schema,
        sandboxUrl: sandbox.url,
        port,
        publicPort: wish.port ?? port,
        ...wish,
        env: { ...env, ...wish.env },
      }
      const life = beginLife(boot, program)
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
