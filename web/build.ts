import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * Builds the pages that people open in a browser: `node web/build.ts --out <folder>`.
 *
 * A folder that already holds the pages of these very sources is left as it is, at the cost of reading the sources.
 * Any number of processes may build into the same folder at once: each builds beside it and moves the result into
 * place, so that the folder never holds half a page.
 */
export async function buildPages({ outDir }: { readonly outDir: string }): Promise<void> {
  const target = resolve(outDir)
  const wanted = fingerprint()
  if (builtFrom(target) === wanted) return

  await mkdir(dirname(target), { recursive: true })
  const fresh = `${target}.${process.pid}.new`
  const old = `${target}.${process.pid}.old`
  // Loaded only here: most starts find the pages built and need no bundler.
  const { build } = await import('vite')
  try {
    await build({
      configFile: join(here, 'chat/vite.config.ts'),
      // Node reads the config as it is; Vite's own way writes into node_modules, which may be somebody else's.
      configLoader: 'native',
      logLevel: 'error',
      build: { outDir: fresh, emptyOutDir: true },
    })
    await writeFile(join(fresh, fingerprintFile), wanted)
    await moveIntoPlace(fresh, target, old)
  } finally {
    await rm(fresh, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
}

const here = dirname(fileURLToPath(import.meta.url))
const fingerprintFile = '.built-from'

/** Changes whenever a source of the pages or the version of any package changes. */
function fingerprint(): string {
  const hash = createHash('sha256')
  for (const file of globSync('**/*.{html,css,svg,ts,tsx}', { cwd: here }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(join(here, file)))
  }
  hash.update(readFileSync(join(here, '../package-lock.json')))
  return hash.digest('hex')
}

function builtFrom(target: string): string | undefined {
  const file = join(target, fingerprintFile)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

/** A folder cannot be renamed over a full one, so the old one steps aside; whoever loses that race keeps the winner's. */
async function moveIntoPlace(fresh: string, target: string, old: string): Promise<void> {
  await rename(target, old).catch(ignoreMissing)
  await rename(fresh, target).catch((error: unknown) => {
    if (!existsSync(join(target, fingerprintFile))) throw error
  })
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } })
  if (values.out === undefined) {
    process.stderr.write('Say where the pages go: node web/build.ts --out <folder>\n')
    process.exitCode = 2
  } else {
    await buildPages({ outDir: values.out })
  }
}
