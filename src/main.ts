import './kit/small-heap.ts'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { commands } from './commands/commands.ts'
import { createClock } from './kit/clock.ts'
import { startExitGuard } from './kit/exit-guard.ts'
import { createLogWriter } from './kit/log-writer.ts'

/**
 * The process: reads argv and the environment, runs one command, and leads signals to it. A second signal that comes
 * more than a second after the first ends at once (a terminal's Ctrl-C arrives twice).
 */
const forceAfterMs = 1_000

// Nor does a reader of what is complained about end anything by going away.
process.stderr.on('error', () => {})
let emitDropped: (count: number) => void = () => {}
const log = createLogWriter(process.stdout, (count) => emitDropped(count))
process.on('exit', log.flush)

const [name = '', ...words] = process.argv.slice(2)
if (existsSync('.env')) process.loadEnvFile('.env')
process.exitCode = await runCommand(name)
startExitGuard((line) => process.stderr.write(`${line}\n`))

async function runCommand(wanted: string): Promise<number> {
  const command = Object.hasOwn(commands, wanted) ? commands[wanted] : undefined
  if (command === undefined) {
    const asked = wanted === '' || wanted === '--help' || wanted === 'help'
    const text = `${asked ? '' : `There is no command ${JSON.stringify(wanted)}.\n\n`}${usage()}`
    ;(asked ? process.stdout : process.stderr).write(text)
    return asked ? 0 : 1
  }
  if (words.includes('--help')) {
    process.stdout.write(`trt ${wanted}\n\n${command.summary}\n\n${command.usage}\n`)
    return 0
  }
  return await command.run({
    words,
    env: process.env,
    pid: process.pid,
    host: hostname(),
    version: versionOfPackage(),
    clock: createClock(),
    signal: untilSignal(),
    print: (line) => {
      log.flush()
      process.stdout.write(`${line}\n`)
    },
    complain: (line) => process.stderr.write(`${line}\n`),
    input: () => process.stdin,
    ...(process.stdout.isTTY ? { reveal: (line: string) => void process.stdout.write(`${line}\n`) } : {}),
    log: log.write,
    onLogDropped: (tell) => {
      emitDropped = tell
    },
    onUncaught: (handle) => {
      process.on('uncaughtException', handle)
      process.on('unhandledRejection', handle)
    },
  })
}

function usage(): string {
  const lines = Object.entries(commands).map(([each, { summary }]) => `  ${each.padEnd(10)} ${summary}`)
  return `trt <command> [--help]\n\n${lines.join('\n')}\n`
}

function untilSignal(): AbortSignal {
  const controller = new AbortController()
  let firstAt: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now()
    if (firstAt !== undefined && now - firstAt > forceAfterMs) process.exit(1)
    firstAt ??= now
    controller.abort(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return controller.signal
}

function versionOfPackage(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return String(JSON.parse(text).version)
}
