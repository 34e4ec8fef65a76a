import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = fileURLToPath(new URL('../../web/build.ts', import.meta.url))

describe('building the pages', () => {
  let folder: string
  let out: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trt-build-pages-'))
    out = join(folder, 'pages')
  })
  after(() => rm(folder, { recursive: true }))

  const build = () => promisify(execFile)(process.execPath, [program, '--out', out])

  it('leaves one whole result when two processes build at once', async () => {
    await Promise.all([build(), build()])
    assert.deepEqual(await readdir(folder), ['pages'])
    const page = await readFile(join(out, 'index.html'), 'utf8')
    const named = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path ?? '')
    assert.ok(named.length >= 3)
    for (const path of named) assert.ok((await stat(join(out, path))).isFile(), path)
  })

  it('does nothing when the pages are those of the same sources', async () => {
    await writeFile(join(out, 'mark'), '')
    await build()
    assert.ok((await readdir(out)).includes('mark'))
  })

  it('builds anew when they are not', async () => {
    await writeFile(join(out, '.built-from'), 'other sources')
    await build()
    assert.ok(!(await readdir(out)).includes('mark'))
  })
})
