import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

/**
 * Whether `npm test` is green on a machine that has little time: `node test/under-load.ts [times]` runs it three times,
 * or as often as is said, while a loop on each core takes half of it at the same priority. Ends with the verdict.
 */
const times = Number(process.argv[2] ?? 3)
if (!Number.isInteger(times) || times < 1)
  throw new Error(`how many times is a whole number, and not ${process.argv[2]}`)

const loops = Array.from({ length: availableParallelism() }, () =>
  spawn(process.execPath, ['--eval', 'const parent = process.ppid; while (process.ppid === parent);'], {
    stdio: 'ignore',
  }),
)
process.once('SIGINT', () => end(130))
process.once('SIGTERM', () => end(143))

let running: ChildProcess | undefined
const runs: string[] = []
let failures = 0
for (let run = 1; run <= times; run++) {
  const startedMs = performance.now()
  running = spawn('npm', ['test'], { stdio: 'inherit' })
  const [code] = await once(running, 'exit')
  if (code !== 0) failures += 1
  runs.push(`run ${run}: ${code === 0 ? 'green' : 'red'} in ${Math.round((performance.now() - startedMs) / 1_000)} s`)
  console.log(runs.join('\n'))
}
console.log(`Under load: ${failures === 0 ? 'green' : 'RED'}, ${times - failures} of ${times} runs passed.`)
end(failures === 0 ? 0 : 1)

function end(code: number): never {
  for (const loop of loops) loop.kill('SIGKILL')
  running?.kill('SIGTERM')
  process.exit(code)
}
