import { hostname } from 'node:os'
import { readConfig } from '../../src/config/config.ts'
import { createClock } from '../../src/kit/clock.ts'
import { startExitGuard } from '../../src/kit/exit-guard.ts'
import { botId, newInstanceId } from '../../src/kit/ids.ts'
import { createLogWriter } from '../../src/kit/log-writer.ts'
import { openPorts } from '../../src/ports.ts'
import { startService } from '../../src/service.ts'
import { readOfferFiles } from '../../src/storage/catalog-files.ts'
import { createRedact } from '../../src/telemetry/redact.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import type { Ask, Boot, End, Report } from './channel.ts'
import { pointsOf, watched } from './points.ts'
import { poisoned } from './poison.ts'

/**
 * The service as `start` puts it together, with one difference: it sends itself a signal at the n-th crossing of a
 * point. Run by the crash tests with a `Boot` as JSON; nothing in `src` knows of it.
 */
const boot: Boot = JSON.parse(process.argv[2] ?? '')
const token = '7000001:sandbox-token-that-opens-nothing-at-all'
const bot = botId(7000001)

let end: End | undefined = boot.end
let crossings: Record<string, number> = {}
/** Crossings that still have to come; not counted before `since` was crossed. */
let left = end?.crossing ?? 0
let counts = end?.since === undefined
function cross(point: string): void {
  crossings[point] = (crossings[point] ?? 0) + 1
  if (end === undefined) return
  if (counts && point === end.point) left -= 1
  counts ||= point === end.since
  if (left > 0) return
  const { signal } = end
  end = undefined
  // What was logged before the signal is evidence; after a SIGKILL nothing is written any more.
  log.flush()
  process.kill(process.pid, signal)
}

function die(): void {
  log.flush()
  process.kill(process.pid, 'SIGKILL')
}

const stop = Promise.withResolvers<string>()
const leaving = new AbortController()
process.on('SIGTERM', () => {
  leaving.abort('SIGTERM')
  stop.resolve('SIGTERM')
})
// Nobody is left to hear of the end of this process.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

const log = createLogWriter(process.stdout, (count) => telemetry.emit('LOG_LINES_DROPPED', { count }))
process.on('exit', log.flush)
const read = readConfig({
  PORT: String(boot.port),
  BOT_INSTANCE_ID: boot.schema,
  DATABASE_URL: boot.databaseUrl,
  ...boot.env,
})
if (!read.ok) throw new Error(JSON.stringify(read.problems))
const { config } = read
const clock = createClock()
const telemetry = createTelemetry({
  clock,
  redact: createRedact(config.secrets),
  write: log.write,
  ...config.log,
})
process.on('uncaughtException', (error) => {
  telemetry.caught(error, 'process')
  stop.resolve('crashed')
  process.exitCode = 1
})

let points: readonly string[] = []
const instance = newInstanceId()
const service = await startService({
  config,
  world: { kind: 'sandbox', bot, publicUrl: () => `http://127.0.0.1:${boot.publicPort}` },
  openPorts: (onStored) => {
    const ports = openPorts({
      databaseUrl: boot.databaseUrl,
      schema: config.instanceOf,
      maxConn: config.dbMaxConn,
      bot,
      freeDaily: config.shop.freeDaily,
      timezone: config.shop.timezone,
      lock: config.lock,
      work: config.work,
      ...(boot.times === undefined ? {} : { lockTimes: boot.times.lock }),
      botToken: token,
      telegramApiRoot: `${boot.sandboxUrl}/telegram`,
      kieKey: 'sandbox-key-that-pays-for-nothing',
      kieApiUrl: `${boot.sandboxUrl}/kie`,
      kieUploadUrl: `${boot.sandboxUrl}/kie-upload`,
      instance,
      host: hostname(),
      pid: process.pid,
      onStored,
      clock,
      telemetry,
    })
    points = pointsOf(ports)
    return watched(boot.poison === undefined ? ports : poisoned(ports, boot.poison, die), cross)
  },
  catalogSources: await readOfferFiles(),
  instance,
  version: '0.0.0',
  ...(boot.times === undefined ? {} : { beatTimes: boot.times.beats }),
  ...(boot.times?.webhookLookMs === undefined ? {} : { webhookLookMs: boot.times.webhookLookMs }),
  signal: leaving.signal,
  clock,
  telemetry,
}).catch((error: unknown) => {
  // A start that is called off has given back what it had.
  if (!leaving.signal.aborted) throw error
  return undefined
})

process.on('message', (asked: Ask) => {
  // Whoever is on the way out is not told where to end any more.
  if (leaving.signal.aborted) return
  if (asked.ask === 'count') say({ report: 'counted', crossings })
  crossings = {}
  if (asked.ask === 'end') {
    end = asked.end
    left = end?.crossing ?? 0
    counts = end?.since === undefined
    say({ report: 'armed' })
  }
})
if (service !== undefined) {
  say({ report: 'ready', points })
  await service.stop(await stop.promise)
}
say({ report: 'counted', crossings })
process.removeAllListeners('disconnect')
process.disconnect?.()
startExitGuard((line) => log.write(`${line}\n`))

function say(report: Report): void {
  process.send?.(report)
}
