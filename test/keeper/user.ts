import { createInterface } from 'node:readline'
import { type JoinOptions, joinKeeper, joinSandbox, type SandboxWish } from '../../src/keeper/keeper.ts'
import { createClock } from '../../src/kit/clock.ts'

/**
 * A user of a keeper as a process of its own, which can be killed and can be somebody else:
 * `node test/keeper/user.ts '{"dataDir": "…", "lingerMs": 300}'`. It says one JSON object a line (`progress`, then
 * `joined` or `fault`, later `changed`), and leaves when it is told `leave`.
 */
type Wish = Omit<JoinOptions, 'clock'> & { sandbox?: SandboxWish; pages?: boolean; withoutDatabase?: boolean }

const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
const wish: Wish = JSON.parse(process.argv[2] ?? '{}')
const options = {
  ...wish,
  clock: createClock(),
  progress: (progress: string) => say({ progress }),
  changed: (changed: string) => say({ changed }),
}

try {
  const { sandbox } = wish
  const joined =
    wish.withoutDatabase && sandbox ? await joinSandbox({ ...options, sandbox }) : await joinKeeper(options)
  const { release, ...facts } = joined
  say({ joined: facts })
  for await (const line of createInterface({ input: process.stdin })) if (line === 'leave') break
  await release()
} catch (error) {
  say({ fault: error instanceof Error ? error.message : String(error) })
}
process.stdin.destroy()
