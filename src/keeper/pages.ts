import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { KeeperFault } from './fault.ts'
import type { Folder } from './folder.ts'
import { type Log, reasonIn } from './log.ts'
import { fastStart, run } from './process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const buildMsMax = 180_000

export const pagesFolder = (folder: Folder): string => path.join(folder.root, 'pages')

/**
 * Builds the web pages of these sources into the folder; when they are there already this costs a look at the sources.
 * The sandbox may serve the folder meanwhile: the build moves its result into place whole.
 */
export async function buildPages(
  folder: Folder,
  progress: (sentence: string) => void,
  log: Log,
  signal: AbortSignal,
): Promise<string> {
  const out = pagesFolder(folder)
  if (!existsSync(out)) progress('Building the web pages (first start, a few seconds) …')
  const program = path.join(root, 'web', 'build.ts')
  // Nice, because the database is made at the same time, and people wait for that one.
  const { code, output } = await run('nice', ['-n', '10', process.execPath, ...fastStart, program, '--out', out], {
    limitMs: buildMsMax,
    cwd: root,
    signal,
  })
  if (code === 0) return out
  log(`The build of the web pages ended with ${code} and said: ${output.trim()}`)
  throw new KeeperFault(
    `The web pages cannot be built: ${reasonIn(output)}.`,
    'Run `npm ci` without leaving out packages and start again; the whole story is in keeper.log in DATA_DIR.',
  )
}
