import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import type { Shelf } from './world.ts'

/**
 * Everything the sandbox keeps, in one SQLite file with a write-ahead log: a write has left the process when the call
 * returns, so a SIGKILL loses nothing that was answered (a power cut may). The file belongs to one process at a time;
 * a second one is refused with a sentence.
 */
export interface OpenShelf extends Shelf {
  close(): void
}

const schema = `
  create table if not exists entry (key text primary key, value text not null) without rowid;
  create table if not exists file (key text primary key, bytes blob not null);
  create table if not exists counter (name text primary key, value integer not null) without rowid;
`

const entryRow = z.object({ key: z.string(), value: z.string() })
const valueRow = z.object({ value: z.string() })
const bytesRow = z.object({ bytes: z.instanceof(Uint8Array) })
const counterRow = z.object({ value: z.number() })

/** `directory` absent: everything lives in memory and ends with the process. */
export function openShelf(directory: string | undefined): OpenShelf {
  const db = openDatabase(directory)
  const get = db.prepare('select value from entry where key = ?')
  const put = db.prepare('insert into entry values (?, ?) on conflict (key) do update set value = excluded.value')
  const remove = db.prepare('delete from entry where key = ?')
  const list = db.prepare('select key, value from entry where key >= ? and key < ? order by key')
  const putFile = db.prepare('insert into file values (?, ?) on conflict (key) do update set bytes = excluded.bytes')
  const getFile = db.prepare('select bytes from file where key = ?')
  const next = db.prepare(
    'insert into counter values (?, ?) on conflict (name) do update set value = value + 1 returning value',
  )
  let depth = 0

  return {
    get(key) {
      const row = get.get(key)
      return row === undefined ? undefined : JSON.parse(valueRow.parse(row).value)
    },
    put: (key, value) => void put.run(key, JSON.stringify(value)),
    delete: (key) => void remove.run(key),
    list: (prefix) =>
      list.all(prefix, `${prefix}\u{10ffff}`).map((row) => {
        const { key, value } = entryRow.parse(row)
        return [key, JSON.parse(value)] as const
      }),
    putFile: (key, bytes) => void putFile.run(key, bytes),
    getFile(key) {
      const row = getFile.get(key)
      return row === undefined ? undefined : bytesRow.parse(row).bytes
    },
    next: (counter, first = 1) => counterRow.parse(next.get(counter, first)).value,
    clear: () => db.exec('begin; delete from entry; delete from file; commit'),
    atomically(run) {
      if (depth > 0) return run()
      depth += 1
      db.exec('begin immediate')
      try {
        const result = run()
        db.exec('commit')
        return result
      } catch (error) {
        db.exec('rollback')
        throw error
      } finally {
        depth -= 1
      }
    },
    close: () => db.close(),
  }
}

function openDatabase(directory: string | undefined): DatabaseSync {
  if (directory === undefined) {
    const db = new DatabaseSync(':memory:')
    db.exec(schema)
    return db
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'world.sqlite')
  const db = new DatabaseSync(file)
  try {
    // Exclusive locking also spares the shared-memory file; the kernel drops the lock with the process.
    db.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = normal')
    db.exec(schema)
    return db
  } catch (cause) {
    db.close()
    const locked = cause instanceof Error && cause.message.includes('locked')
    throw new Error(
      locked ? `another sandbox is using ${file}; stop it, or give this one another --data-dir` : `cannot use ${file}`,
      { cause },
    )
  }
}
