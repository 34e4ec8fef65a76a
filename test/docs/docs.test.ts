import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { commands } from '../../src/commands/commands.ts'
import { documents } from './printed.ts'

/** The documents say what is there: every file they name exists, every command runs, every printed part is current. */
const root = path.resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const written = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '')
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts

describe('the documents', () => {
  for (const { file, print } of documents) {
    it(`${file} is what the code prints (node test/docs/printed.ts)`, () => {
      assert.equal(read(file), print(read(file)))
    })
  }

  for (const file of written) {
    it(`${file} names only files that exist`, () => {
      for (const named of filesNamedIn(read(file))) {
        const places = [named, path.join('src', named), path.join(path.dirname(file), named)]
        assert.ok(
          places.some((place) => existsSync(path.join(root, place))),
          `${file} names ${named}, which is not there`,
        )
      }
    })

    it(`${file} names only commands that exist`, () => {
      for (const [, command = ''] of read(file).matchAll(/\b(?:npx )?trt ([a-z]+)\b/g)) {
        assert.ok(Object.hasOwn(commands, command), `${file} names "trt ${command}"`)
      }
      for (const [, script = ''] of read(file).matchAll(/\bnpm run ([a-z]+)/g)) {
        assert.ok(Object.hasOwn(scripts, script), `${file} names "npm run ${script}"`)
      }
    })
  }

  it('are four in the root, and no report among them', () => {
    const inRoot = written.filter((file) => !file.includes('/'))
    assert.deepEqual(inRoot.sort(), ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'README.md'])
  })
})

/** Paths in backticks or links: with a slash and an ending, or one of our folders. */
function filesNamedIn(text: string): readonly string[] {
  const quoted = [...text.matchAll(/`([\w./-]+)`/g)].map(([, name = '']) => name)
  const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, name = '']) => name)
  const ours = /^(src|sandbox|web|test|bench|docs|bin)\//
  return [
    ...linked,
    ...quoted.filter((name) => ours.test(name) || /^[\w-]+(\/[\w-]+)*\.(ts|md|sql|json|js|tsx)$/.test(name)),
  ].filter((name) => !name.includes('*'))
}
