import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import path from 'node:path'
import { it } from 'node:test'
import { readConfig } from '../../src/config/config.ts'

const repo = path.resolve(import.meta.dirname, '../..')

it('nothing that a running service writes is ever in git, so that no write is a deploy', () => {
  const read = readConfig({})
  assert.ok(read.ok && read.config.storage.engine === 'embedded')
  const written = [path.join(read.config.storage.directory, 'postgres/data/base/1'), '.env', 'service.log']
  for (const file of written) {
    const { status } = spawnSync('git', ['check-ignore', '--quiet', file], { cwd: repo })
    assert.equal(status, 0, `git would take ${file}`)
  }
  const kept = execFileSync('git', ['ls-files'], { cwd: repo, encoding: 'utf8' }).split('\n')
  assert.deepEqual(
    kept.filter((file) => /\.(db|sqlite\d?|log|dump|bak)$|(^|\/)(\.trt|\.env|data)(\/|$)/.test(file)),
    [],
  )
})
