import { parseArgs } from 'node:util'
import { createClock } from '../kit/clock.ts'
import { toFault } from './fault.ts'
import { folderAt } from './folder.ts'
import { keep } from './keep.ts'
import { createLog } from './log.ts'

/** The keeper as a program. `joinKeeper` starts it; nobody needs to start it by hand. */
// What is made here is nobody else's; what a server under another user must reach is opened where it is made.
process.umask(0o077)

const { values } = parseArgs({
  options: { 'data-dir': { type: 'string' }, 'linger-ms': { type: 'string', default: '10000' } },
})
const clock = createClock()
const log = createLog(clock)

try {
  if (values['data-dir'] === undefined) throw new Error('--data-dir is missing')
  await keep({ folder: folderAt(values['data-dir']), lingerMs: Number(values['linger-ms']), clock, log })
  process.exit(0)
} catch (error) {
  log(toFault(error, 'The keeper ended').message)
  process.exit(1)
}
