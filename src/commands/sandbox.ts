import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onAbort } from '../kit/wait.ts'
import type { Command } from './command.ts'

/** The sandbox alone. It is a program of its own and knows nothing of the service, nor the service of it. */
export const sandbox: Command = {
  summary: "The sandbox's Telegram and KIE alone, for any bot in any language.",
  usage: `  --port N          default 10001
  --data-dir DIR    where its world is kept; default .trt
  --listen ADDRESS  another address than 127.0.0.1; needs --key
  --key KEY         what every request must then show
  --seed TEXT       fixes faces, pictures and latencies
  --allow-outbound  send webhooks and fetches to other machines too`,
  async run({ words, signal }) {
    const program = fileURLToPath(new URL('../../sandbox/main.ts', import.meta.url))
    const child = spawn(process.execPath, [program, ...words], { stdio: 'inherit' })
    onAbort(signal, () => child.kill('SIGTERM'))
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 0
  },
}
