import { parseArgs } from 'node:util'
import { createSandbox } from './sandbox.ts'

/**
 * The sandbox as a process. Prints one line `SANDBOX_LISTENING url=…` on stdout when it is ready; SIGTERM or SIGINT
 * closes it and it exits with 0. What it cannot do it says on stderr and exits with 1.
 */
const usage = `usage: node sandbox/main.ts [--port 10001] [--listen 127.0.0.1] [--key KEY] [--data-dir .trt]
                            [--seed TEXT] [--allow-outbound] [--web-dir DIR] [--no-flood-limits]
`

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '10001' },
      listen: { type: 'string', default: '127.0.0.1' },
      key: { type: 'string' },
      'data-dir': { type: 'string', default: '.trt' },
      seed: { type: 'string' },
      'allow-outbound': { type: 'boolean', default: false },
      'web-dir': { type: 'string' },
      'no-flood-limits': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port`)
  return {
    port,
    listen: values.listen,
    dataDir: values['data-dir'],
    allowOutbound: values['allow-outbound'],
    floodLimits: !values['no-flood-limits'],
    ...(values.key === undefined ? {} : { key: values.key }),
    ...(values.seed === undefined ? {} : { seed: values.seed }),
    ...(values['web-dir'] === undefined ? {} : { webDir: values['web-dir'] }),
  }
}

try {
  const options = readOptions()
  if (options === undefined) {
    process.stdout.write(usage)
  } else {
    const sandbox = await createSandbox(options)
    let closing = false
    const stop = () => {
      if (closing) return
      closing = true
      sandbox.close().then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`sandbox: closing failed: ${String(error)}\n`)
          process.exit(1)
        },
      )
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    process.stdout.write(`SANDBOX_LISTENING url=${sandbox.url}\n`)
  }
} catch (error) {
  process.stderr.write(`sandbox: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
