import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { settings } from '../../src/config/settings.ts'
import { freePort } from '../fixtures/loopback.ts'
import { patience } from '../fixtures/patience.ts'
import { shortFolder } from '../keeper/users.ts'

/**
 * A newcomer's terminal: what they type runs as processes of its own, in the checkout, with the settings that are given
 * and no others, and with a PATH on which the project's own programs do not stand unless npm puts them there.
 */
export interface Typed {
  /** Of what was typed itself: npm's own, when npm was typed. */
  readonly pid: number
  /** Everything printed so far, both streams. */
  printed(): string
  /** Resolves with the match once it is printed; fails when it does not come, or the program ends without it. */
  prints(pattern: RegExp, limitMs?: number): Promise<RegExpExecArray>
  /** Resolves with the exit code, or the signal that ended it; fails when it does not end, or leaves something behind. */
  ends(): Promise<number | NodeJS.Signals>
  kill(signal: NodeJS.Signals): void
  /** To everything that was started from this terminal, as Ctrl-C sends it. */
  killGroup(signal: NodeJS.Signals): void
}

export type Env = Readonly<Record<string, string>>
/** What a start needs to stand beside others on one machine. */
export type Place = Env & { readonly DATA_DIR: string; readonly PORT: string; readonly SANDBOX_PORT: string }

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const endMsMax = patience(30_000)

/** Whatever was typed in it and still runs is killed after the test, with everything it started. */
export function openTerminal(t: TestContext) {
  const all: Typed[] = []
  t.after(() => {
    for (const one of all) one.killGroup('SIGKILL')
  })
  const type = (program: string, words: readonly string[], env: Env = {}): Typed => {
    const one = typed(program, words, env)
    all.push(one)
    return one
  }
  return {
    type,
    npmStart: (env: Env) => type('npm', ['start'], env),
    /** `trt <words>`, by the Node.js of this test. */
    trt: (words: readonly string[], env: Env = {}) => type(process.execPath, ['bin/trt.js', ...words], env),
    /** Free ports, and a folder that is removed after the test with everything that runs in it. */
    place: async (): Promise<Place> => ({
      DATA_DIR: await shortFolder(t),
      PORT: String(await freePort()),
      SANDBOX_PORT: String(await freePort()),
    }),
  }
}

function typed(program: string, words: readonly string[], env: Env): Typed {
  const child = spawn(program, words, {
    cwd: checkout,
    env: { ...emptySettings, PATH: plainPath(), HOME: homedir(), TMPDIR: tmpdir(), ...env },
    // A terminal starts what is typed as a group of its own.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
  }
  const { pid } = child
  assert.ok(pid, `${program} cannot be started`)
  const ended = endOf(child)
  return {
    pid,
    ends: async () => {
      const limit = new AbortController()
      const late = pause(endMsMax, 'late' as const, { signal: limit.signal }).catch(() => 'late' as const)
      const end = await Promise.race([ended, late])
      limit.abort()
      assert.ok(end !== 'late', `it did not end within ${endMsMax} ms, or something of it lives on:\n${text}`)
      return end
    },
    printed: () => text,
    prints: async (pattern, limitMs = patience(60_000)) => {
      const until = performance.now() + limitMs
      for (;;) {
        const over = child.exitCode !== null || child.signalCode !== null
        const match = pattern.exec(text)
        if (match !== null) return match
        assert.ok(!over, `it ended and did not print ${pattern}:\n${text}`)
        assert.ok(performance.now() < until, `it did not print ${pattern} within ${limitMs} ms:\n${text}`)
        await pause(10)
      }
    },
    kill: (signal) => void child.kill(signal),
    killGroup: (signal) => {
      try {
        process.kill(-pid, signal)
      } catch {
        // Gone already.
      }
    },
  }
}

/** When everything it printed has been read, which is later than its exit where something of it lives on. */
async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = await once(child, 'close')
  return code ?? signal
}

/** An `.env` in the checkout may belong to a bot that lives; an empty value keeps its settings out. */
const emptySettings = Object.fromEntries(
  [
    ...Object.entries(settings).flatMap(([name, setting]) => [name, ...('aliases' in setting ? setting.aliases : [])]),
    'NODE_ENV',
    'RENDER',
  ].map((name) => [name, '']),
)

const plainPath = () =>
  (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => !folder.endsWith(path.join('node_modules', '.bin')) && !folder.includes('node-gyp-bin'))
    .join(path.delimiter)

/** The two URLs that a start prints. */
export async function urlsOf(start: Typed): Promise<{ readonly chat: string; readonly health: string }> {
  const [, chat = ''] = await start.prints(/^ {2}Web chat {3}(http:\S+)$/m)
  const [, health = ''] = await start.prints(/^ {2}Health {5}(http:\S+)$/m)
  return { chat, health }
}

/**
 * The live processes that have to do with a folder: by command line, environment, working folder or open files. Where
 * there is no /proc, nothing is found here; what the folder itself shows is looked at by `tracesIn`.
 */
export function processesAround(folder: string): readonly string[] {
  if (!existsSync('/proc/self/fd')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const command = readProc(pid, 'cmdline').replaceAll('\0', ' ').trim()
      const places = [command, readProc(pid, 'environ'), linkOf(`/proc/${pid}/cwd`), ...openFilesOf(pid)]
      return command !== '' && places.some((place) => place.includes(folder)) ? [`${pid} ${command}`] : []
    })
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function openFilesOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}

/** What only a running keeper, server or sandbox leaves in its folder: sockets, pid files, half-made folders. */
export const tracesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.sock$|\.PGSQL\.|keeper\.json$|sandbox\.json$|postmaster\.pid$|\.new[-.]/.test(name),
  )
