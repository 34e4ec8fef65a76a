import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { z } from 'zod'
import { patience } from '../fixtures/patience.ts'

/**
 * A real browser for tests, on machines that have none: the Chromium that npm brings, with the libraries it ships,
 * unpacked once per machine and version into the temporary folder. Where that one does not run (it is built for Linux on
 * x64), an installed Chrome or Chromium takes its place.
 */
export interface TestBrowser {
  /** A page of its own visitor: nothing is shared with the other pages. */
  page(options?: BrowserContextOptions): Promise<Page>
  close(): Promise<void>
}

export async function openBrowser(): Promise<TestBrowser> {
  const browser = runsPacked ? await launchPacked() : await launchInstalled()
  return {
    async page(options = {}) {
      const context = await browser.newContext({ ...defaults, ...options })
      context.setDefaultTimeout(patienceMs)
      return context.newPage()
    },
    close: () => browser.close(),
  }
}

/** Without motion, so that a screenshot shows where things come to rest. */
const defaults = {
  viewport: { width: 1280, height: 800 },
  locale: 'en-GB',
  reducedMotion: 'reduce',
} as const

const runsPacked = process.platform === 'linux' && process.arch === 'x64'

/** On two busy cores a page may take its time; what never comes is still noticed. */
const patienceMs = patience(20_000)

const flags = [
  '--no-sandbox',
  '--no-zygote',
  '--no-first-run',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--font-render-hinting=none',
]

async function launchPacked(): Promise<Browser> {
  const folder = await unpackedChromium()
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: flags,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  })
}

async function launchInstalled(): Promise<Browser> {
  const found = installedAt.find((path) => existsSync(path))
  return chromium.launch(
    found === undefined ? { channel: 'chrome', args: flags } : { executablePath: found, args: flags },
  )
}

const installedAt = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Unpacks beside the final folder and renames, so that processes that come at once never see half a browser. */
async function unpackedChromium(): Promise<string> {
  const folder = join(tmpdir(), `trt-chromium-${packedVersion()}-${userInfo().uid}`)
  if (existsSync(folder)) return folder
  const fresh = await mkdtemp(`${folder}.`)
  try {
    await unpackInto(fresh)
    await writeFile(join(fresh, 'fonts.conf'), fontsConf(folder))
    await rename(fresh, folder).catch((error: unknown) => {
      if (!existsSync(join(folder, 'chromium'))) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}

function packedVersion(): string {
  const manifest = new URL('../../package.json', import.meta.resolve('@sparticuz/chromium'))
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, 'utf8'))).version
}

/**
 * The package unpacks into the temporary folder of its process, and takes whatever lies there for whole; so it runs in a
 * process whose temporary folder is ours alone.
 */
async function unpackInto(folder: string): Promise<void> {
  const script = fileURLToPath(new URL('unpack-chromium.ts', import.meta.url))
  await mkdir(folder, { recursive: true })
  const unpacking = spawn(process.execPath, [script], {
    env: { ...process.env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await exitOf(unpacking)
  if (code !== 0) throw new Error(`Chromium could not be unpacked into ${folder} (exit code ${code})`)
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
}

const fontsConf = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
</fontconfig>
`
