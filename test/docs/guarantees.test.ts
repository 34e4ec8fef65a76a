import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { createTitles, guaranteesIn, problemsIn } from './guarantees.ts'

/** docs/guarantees.md is true: every guarantee is there with a test that is there and is run. */
const root = path.resolve(import.meta.dirname, '../..')
const files = globSync('{src,sandbox,test}/**/*.ts', { cwd: root })
const texts = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]))
const read = (file: string) => texts.get(file)
const titles = createTitles()
const document = readFileSync(path.join(root, 'docs/guarantees.md'), 'utf8')

describe('the guarantees', () => {
  it('are thirty-two, each there once, with tests that are there and are run', () => {
    assert.deepEqual(problemsIn(document, read, files, titles), [])
    assert.ok(guaranteesIn(document).flatMap(({ tests }) => tests).length >= 60, 'the table was read')
  })
})

describe('it would be found that a guarantee', () => {
  const row = guaranteesIn(document).find(({ id }) => id === 'P9') ?? assert.fail()
  const { file, title } = row.tests[0] ?? assert.fail()
  const line = document.split('\n').find((each) => each.startsWith('| P9 |')) ?? assert.fail()
  const source = read(file) ?? assert.fail()
  const call = `it('${title}'`
  assert.ok(source.includes(call))
  /** What is found besides what is wrong already, with another document or another text of that file. */
  const already = problemsIn(document, read, files, titles)
  const foundIn = (changed: string, reading = read) =>
    problemsIn(changed, reading, files, titles).filter((problem) => !already.includes(problem))
  const problemsWith = (text: string) => foundIn(document, (each) => (each === file ? text : read(each)))
  const notRun = [`P9: ${file} has no test "${title}" that is run`]

  it('is missing, or is there twice, or names no test', () => {
    assert.deepEqual(foundIn(document.replace(`${line}\n`, '')), ['P9 is there 0 times'])
    assert.deepEqual(foundIn(document.replace(line, `${line}\n${line}`)), ['P9 is there 2 times'])
    const bare = line.replace(/`.*$/, '|')
    assert.deepEqual(foundIn(document.replace(line, bare)), ['P9 names no test'])
  })

  it('does not say how it is held', () => {
    assert.deepEqual(foundIn(document.replace(line, line.replace('| running |', '| hope |'))), [
      'P9 does not say how it is held',
    ])
  })

  it('names a file that is not there, or that nothing runs', () => {
    const moved = document.replaceAll(file, 'src/storage/postgres/gone.test.ts')
    assert.ok(foundIn(moved).includes('P9: src/storage/postgres/gone.test.ts is not there'))
    const fixture = document.replaceAll(file, 'test/fixtures/clock-of-nobody.ts')
    const problems = foundIn(fixture, (each) => (each.endsWith('nobody.ts') ? source : read(each)))
    assert.ok(problems.includes('P9: test/fixtures/clock-of-nobody.ts is run by no test'), problems.join('\n'))
  })

  it('names a test that was renamed, commented out, or left out with whatever stands around it', () => {
    assert.deepEqual(problemsWith(source.replace(call, `it('${title} now'`)), notRun)
    assert.deepEqual(problemsWith(source.replace(call, `// ${call}, () => {})\n  it('another'`)), notRun)
    assert.deepEqual(problemsWith(source.replace(call, `it.skip('${title}'`)), notRun)
    assert.deepEqual(problemsWith(source.replace(call, `it.todo('${title}'`)), notRun)
    assert.deepEqual(problemsWith(source.replace(call, `${call}, { skip: true }`)), notRun)
    const around = problemsWith(source.replace("describe('", "describe.skip('"))
    assert.equal(around.length, row.tests.length)
  })

  it('is held by a title that is made for each case, by a part of it that never changes', () => {
    const made = source.replace(call, `it(\`case \${n}: ${title} (\${m})\``)
    const named = document.replace(`*${title}*`, `*: ${title} (*`)
    assert.deepEqual(
      foundIn(named, (each) => (each === file ? made : read(each))),
      [],
    )
  })
})
