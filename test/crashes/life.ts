import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fastStart } from '../../src/keeper/process.ts'
import { patience } from '../fixtures/patience.ts'
import type { Ask, Boot, Crossings, End, Report } from './channel.ts'

/** One process, from its start to its end. */
export type Life = {
  readonly lines: readonly string[]
  /** Resolves when the event is told, also when it was told before; rejects when the process ended without it. */
  tells(event: RegExp): Promise<void>
  /** Resolves when it leads, and its webhook is verified or its polling has begun. */
  works(): Promise<void>
  /** Every point that can be read off its ports. */
  points(): Promise<readonly string[]>
  readonly ended: Promise<Ending>
  readonly isOver: () => boolean
  /** Has it end at that point from now on. */
  endAt(end: End): Promise<void>
  /** Has it go on; false when it has ended already. */
  spare(): Promise<boolean>
  /** How often each point was crossed since the last time this was asked. */
  count(): Promise<Crossings>
  /** The same on the way out, once it has ended by itself. */
  lastCount(): Crossings
  readonly pid: number
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGCONT' | 'SIGSTOP'): void
}
export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A journey, and then some. */
const endsWithinMs = patience(30_000)

/** How it ended; one that is killed or told to stop and does not end is a failure, and no test that hangs. */
export async function endOf(life: Life): Promise<Ending> {
  const ending = await Promise.race([life.ended, pause(endsWithinMs, undefined, { ref: false })])
  if (ending !== undefined) return ending
  throw new Error(`it has not ended in ${endsWithinMs} ms. Its log ends:\n${life.lines.slice(-30).join('\n')}`)
}

/** The program as it stands here; `npm test` makes one file of it. */
const ours = process.env['TRT_TEST_LIFE'] ?? fileURLToPath(new URL('main.ts', import.meta.url))
// The compiled form is kept between lives, as `bin/trt.js` does it.
const compileCache = path.join(process.env['TRT_TEST_LIFE'] ? path.dirname(ours) : tmpdir(), 'node-compile-cache')
/** A life is short: collecting its garbage seldom and in one thread saves a tenth of its processor time. */
const littleCollecting = ['--min-semi-space-size=32', '--max-semi-space-size=32', '--single-threaded-gc']
/** A life that does not come to work or to its end in this time hangs. */
const patienceMs = patience(20_000)

export function beginLife(boot: Boot, program: string = ours): Life {
  const child = spawn(process.execPath, [...fastStart, ...littleCollecting, program, JSON.stringify(boot)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  })
  const lines: string[] = []
  const wakers = new Set<() => void>()
  const wake = () => {
    for (const each of [...wakers]) each()
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      wake()
    })
  }
  const reports: Report[] = []
  child.on('message', (report: Report) => {
    reports.push(report)
    wake()
  })
  let ending: Ending | undefined
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
    ending = endingOf(code, signal)
    wake()
    return ending
  })

  /** Waits for what `find` finds; it must come before the end of the process. */
  function hears<T>(find: () => T | undefined, what: string): Promise<T> {
    const heard = Promise.withResolvers<T>()
    const over = (why: string) => {
      stop()
      heard.reject(new Error(`${why} before it ${what}. Its log ends:\n${lines.slice(-30).join('\n')}`))
    }
    const look = () => {
      const found = find()
      if (found !== undefined) {
        stop()
        heard.resolve(found)
      } else if (ending !== undefined) over(`the process ended (${ending.signal ?? ending.code})`)
    }
    const timer = setTimeout(() => over(`${patienceMs} ms passed`), patienceMs)
    const stop = () => {
      clearTimeout(timer)
      wakers.delete(look)
    }
    wakers.add(look)
    look()
    return heard.promise
  }
  const tells = async (event: RegExp): Promise<void> => {
    await hears(() => lines.find((line) => event.test(line)), `told ${event.source}`)
  }

  const points = () => hears(() => reports.find((each) => each.report === 'ready')?.points, 'was ready')

  async function asks<R extends Report['report']>(ask: Ask, report: R): Promise<Extract<Report, { report: R }>> {
    await points()
    const before = reports.length
    // Whoever is gone does not answer, which is told below.
    child.send(ask, () => {})
    const isAnswer = (each: Report): each is Extract<Report, { report: R }> => each.report === report
    return await hears(() => reports.slice(before).find(isAnswer), `answered with ${report}`)
  }

  return {
    lines,
    tells,
    works: () => tells(/DUTIES_STARTED|POLLING_STARTED/),
    points,
    ended,
    isOver: () => ending !== undefined,
    spare: () =>
      asks({ ask: 'end' }, 'armed').then(
        () => true,
        () => false,
      ),
    endAt: async (end) => void (await asks({ ask: 'end', end }, 'armed')),
    count: async () => (await asks({ ask: 'count' }, 'counted')).crossings,
    lastCount: () => reports.findLast((each) => each.report === 'counted')?.crossings ?? {},
    pid: child.pid ?? 0,
    signal: (name) => void signalTo(child, name),
  }
}

const signalTo = (child: ChildProcess, name: NodeJS.Signals) =>
  child.exitCode === null && child.signalCode === null && child.kill(name)

const endingOf = (code: unknown, signal: unknown): Ending => ({
  code: typeof code === 'number' ? code : null,
  signal: signal === 'SIGKILL' || signal === 'SIGTERM' ? signal : null,
})
