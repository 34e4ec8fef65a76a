import { type Config, type ConfigProblem, readConfig } from '../config/config.ts'
import { startWatchdog } from '../health/watchdog.ts'
import { KeeperFault } from '../keeper/fault.ts'
import { newInstanceId } from '../kit/ids.ts'
import { untilAborted } from '../kit/wait.ts'
import { openPorts } from '../ports.ts'
import { sentenceOf } from '../preflight/preflight.ts'
import { StartRefused } from '../service/boot.ts'
import { type Service, startService } from '../service.ts'
import { readOfferFiles } from '../storage/catalog-files.ts'
import { createRedact } from '../telemetry/redact.ts'
import { createTelemetry, messageWithCauses, type Telemetry } from '../telemetry/telemetry.ts'
import type { Command, CommandContext } from './command.ts'
import { judgeOwnStorage } from './examine.ts'
import { type Surroundings, surround } from './surroundings.ts'
import { readWords } from './words.ts'

export const start: Command = {
  summary: 'Serve until SIGTERM or Ctrl-C; with no bot token, in a sandbox on this machine.',
  usage: `  --sandbox   use the sandbox's Telegram with a real KIE_API_KEY: real credits are spent

Settings come from the environment or .env (see .env.example). Nothing is needed to try it.`,
  run: serve,
}

async function serve(context: CommandContext): Promise<number> {
  const typed = readWords(context.words, { sandbox: { type: 'boolean' } })
  if (!typed.ok || typed.rest.length > 0) {
    context.complain(typed.ok ? `start takes no ${JSON.stringify(typed.rest[0])}. See --help.` : typed.problem)
    return 1
  }
  const read = readConfig(context.env, { sandboxAsked: typed.values.sandbox === true })
  if (!read.ok) return complainAll(context, read.problems)
  const { config } = read
  const redact = createRedact(config.secrets)
  const telemetry = createTelemetry({ clock: context.clock, redact, write: context.log, ...config.log })
  context.onLogDropped((count) => telemetry.emit('LOG_LINES_DROPPED', { count }))
  for (const { setting, problem, todo } of read.warnings) {
    telemetry.emit('PREFLIGHT_FINDING', { check: setting, problem, todo })
  }

  let surroundings: Surroundings | undefined
  let service: Service | undefined
  const crashed = Promise.withResolvers<'crashed'>()
  context.onUncaught((error) => {
    telemetry.caught(error, 'process')
    crashed.resolve('crashed')
  })
  let watchdog: ReturnType<typeof startWatchdog> | undefined
  try {
    // Before anything is written on a disk that does not stay.
    const lost = await judgeOwnStorage(config)
    if (lost.state === 'failed') throw new StartRefused(sentenceOf(lost))
    surroundings = await surround(context, config, { pages: true })
    if (context.signal.aborted) return 0
    const storage = await judgeOwnStorage(config, surroundings)
    if (storage.state === 'warning') {
      telemetry.emit('PREFLIGHT_FINDING', { check: storage.check, problem: storage.says, todo: storage.todo })
    }
    service = await begin(context, config, surroundings, telemetry)
    welcome(context, service, surroundings, config)
    // It watches over a service that serves; its thread takes as long to start as a small process.
    watchdog = startWatchdog((beat) => beatEverySecond(context, beat))
    const ending = (await untilAborted(context.signal, crashed.promise)) ?? String(context.signal.reason)
    await service.stop(ending)
    return ending === 'crashed' ? 1 : 0
  } catch (error) {
    return explain(context, error, telemetry)
  } finally {
    await surroundings?.release()
    await watchdog?.stop()
  }
}

async function begin(
  { clock, host, pid, signal, version }: CommandContext,
  config: Config,
  around: Surroundings,
  telemetry: Telemetry,
): Promise<Service> {
  const instance = newInstanceId()
  return await startService({
    config,
    world: around.world,
    openPorts: (onStored) =>
      openPorts({
        ...around,
        schema: config.instanceOf,
        maxConn: config.dbMaxConn,
        bot: around.world.bot,
        freeDaily: config.shop.freeDaily,
        timezone: config.shop.timezone,
        lock: config.lock,
        work: config.work,
        instance,
        host,
        pid,
        onStored,
        clock,
        telemetry,
      }),
    catalogSources: await readOfferFiles(),
    instance,
    version,
    signal,
    clock,
    telemetry,
  })
}

function welcome(
  { print }: CommandContext,
  service: Service,
  { sandboxUrl, place }: Surroundings,
  config: Config,
): void {
  if (sandboxUrl !== undefined) print(`\n  Web chat   ${sandboxUrl}/`)
  print(`  Health     http://${hostOf(config.http.address)}:${service.port}/health`)
  if (place !== undefined) print(`  Database   ${place}`)
  print(
    sandboxUrl === undefined ? '' : '\nOpen the web chat, choose a name, and press START. Ctrl-C stops everything.\n',
  )
}

/** The address as this machine reaches it, in a URL. */
function hostOf(address: string): string {
  if (address === '0.0.0.0' || address === '::') return '127.0.0.1'
  return address.includes(':') ? `[${address}]` : address
}

function beatEverySecond({ clock }: CommandContext, beat: () => void): () => void {
  let cancel = () => {}
  const again = () => {
    beat()
    cancel = clock.after(1_000, again)
  }
  again()
  return () => cancel()
}

function complainAll({ complain }: CommandContext, problems: readonly ConfigProblem[]): number {
  complain('The settings are not right, so nothing was started:')
  for (const { setting, problem, todo } of problems) complain(`  ${setting} ${problem}: ${todo}`)
  return 1
}

/** A start that failed says what to do; what nobody foresaw shows where it came from. */
function explain({ complain, signal }: CommandContext, error: unknown, telemetry: Telemetry): number {
  if (signal.aborted) return 0
  if (error instanceof StartRefused) complain(error.message)
  else if (error instanceof KeeperFault) complain(error.message)
  else if (isPortTaken(error)) complain(`${error.message}. Set PORT to a free one.`)
  else {
    telemetry.caught(error, 'start')
    complain(`The start failed: ${messageWithCauses(error)}`)
  }
  return 1
}

const isPortTaken = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
