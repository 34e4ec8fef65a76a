import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, it } from 'node:test'
import { patience } from '../fixtures/patience.ts'
import { ruleSet } from './rules.ts'

/** A small tree of its own, in which each rule is broken once. */
const repo = path.resolve(import.meta.dirname, '../..')
let tree = ''

const planted: readonly { readonly rule: string; readonly file: string; readonly text: string }[] = [
  { rule: 'kit-knows-nothing-of-ours', file: 'src/kit/planted.ts', text: "import '../money/amount.ts'" },
  { rule: 'config-and-telemetry-know-only-kit', file: 'src/config/planted.ts', text: "import '../money/amount.ts'" },
  { rule: 'the-http-of-node-is-taken-from-kit', file: 'src/http/planted.ts', text: "import 'node:http'" },
  { rule: 'pure-code-has-no-io', file: 'src/money/planted.ts', text: "import 'node:fs'" },
  {
    rule: 'pure-code-knows-only-pure-code',
    file: 'src/orders/planted.ts',
    text: "import '../storage/rows.ts'",
  },
  {
    rule: 'arrows-follow-money-catalog-orders-conversation-catalog',
    file: 'src/catalog/planted.ts',
    text: "import '../conversation/view.ts'",
  },
  {
    rule: 'arrows-follow-money-catalog-orders-conversation-money',
    file: 'src/money/planted-arrow.ts',
    text: "import '../catalog/planted.ts'",
  },
  {
    rule: 'arrows-follow-money-catalog-orders-conversation-orders',
    file: 'src/orders/planted-arrow.ts',
    text: "import '../conversation/view.ts'",
  },
  { rule: 'gateways-never-import-each-other', file: 'src/kie/planted.ts', text: "import '../storage/rows.ts'" },
  { rule: 'nobody-inside-knows-the-outside', file: 'src/generation/planted.ts', text: "import '../storage/rows.ts'" },
  { rule: 'stages-do-not-call-stages-intake', file: 'src/intake/planted.ts', text: "import '../dispatch/step.ts'" },
  {
    rule: 'the-parts-of-the-map-are-put-together-in-one-place',
    file: 'src/health/planted.ts',
    text: "import '../service/boot.ts'",
  },
  { rule: 'stages-do-not-call-stages-inbox', file: 'src/inbox/planted.ts', text: "import '../dispatch/step.ts'" },
  { rule: 'stages-do-not-call-stages-dispatch', file: 'src/dispatch/planted.ts', text: "import '../intake/door.ts'" },
  {
    rule: 'stages-do-not-call-stages-generation',
    file: 'src/generation/planted-stage.ts',
    text: "import '../dispatch/step.ts'",
  },
  { rule: 'stages-do-not-call-stages-delivery', file: 'src/delivery/planted.ts', text: "import '../dispatch/step.ts'" },
  {
    rule: 'nothing-shipped-needs-a-dev-dependency',
    file: 'src/commands/planted.ts',
    text: "import 'fast-check'",
  },
  { rule: 'the-service-does-not-know-the-sandbox', file: 'src/planted.ts', text: "import '../sandbox/world.ts'" },
  { rule: 'no-cycles', file: 'src/people/planted.ts', text: "import './a.ts'" },
  {
    rule: 'no-cycles',
    file: 'src/people/planted-types.ts',
    text: "import type { B } from './b.ts'\nexport type A = B",
  },
  {
    rule: 'pure-code-knows-only-pure-code',
    file: 'src/conversation/planted.ts',
    text: "import '../orders/record-observation.ts'",
  },
  {
    rule: 'the-step-of-the-orders-knows-only-the-store-and-the-facts',
    file: 'src/orders/record-observation.ts',
    text: "import '../storage/rows.ts'",
  },
  {
    rule: 'no-private-table-of-the-queue',
    file: 'src/storage/planted.ts',
    text: "export const LOOK = 'select 1 from bot_jobs._private_jobs'",
  },
  { rule: 'every-import-resolves', file: 'src/lifecycle/planted.ts', text: "import './nowhere.ts'" },
]
const targets: Readonly<Record<string, string>> = {
  'src/money/amount.ts': 'export const one = 1',
  'src/storage/rows.ts': 'export const rows = 1',
  'src/conversation/view.ts': 'export const view = 1',
  'src/dispatch/step.ts': 'export const step = 1',
  'src/service/boot.ts': 'export const boot = 1',
  'src/intake/door.ts': 'export const door = 1',
  'sandbox/world.ts': 'export const world = 1',
  'src/people/b.ts': "import type { A } from './planted-types.ts'\nexport type B = A | 1",
  'src/people/a.ts': "import './planted.ts'\nexport const a = 1",
}

before(() => {
  tree = mkdtempSync(path.join(tmpdir(), 'trt-rules-'))
  const files = { ...targets, ...Object.fromEntries(planted.map(({ file, text }) => [file, text])) }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.join(tree, path.dirname(file)), { recursive: true })
    writeFileSync(path.join(tree, file), `${text}\n`)
  }
  cpSync(path.join(repo, 'tsconfig.json'), path.join(tree, 'tsconfig.json'))
  cpSync(path.join(repo, 'package.json'), path.join(tree, 'package.json'))
  symlinkSync(path.join(repo, 'node_modules'), path.join(tree, 'node_modules'))
  execFileSync('git', ['init', '-q'], { cwd: tree })
  execFileSync('git', ['add', 'src', 'sandbox'], { cwd: tree })
})
after(() => rmSync(tree, { recursive: true, force: true }))

it('has a planted violation of every import rule', () => {
  const rules = (ruleSet.forbidden ?? []).map(({ name }) => name ?? '')
  // The last one is looked for by check.ts itself, in the text.
  const checked = [...rules, 'no-private-table-of-the-queue']
  assert.deepEqual([...new Set(planted.map(({ rule }) => rule))].sort(), checked.sort())
})

it('rejects a planted violation of every import rule, by its name and its file', () => {
  const run = check()
  assert.equal(run.status, 1, run.stdout)
  for (const { rule, file } of planted) {
    const bitten = run.stderr.split('\n').some((line) => line.startsWith(`${rule}: `) && line.includes(file))
    assert.ok(bitten, `${rule} did not bite:\n${run.stderr}`)
  }
})

it('fails when a module that git lists was not read', () => {
  // git knows the file, and the reader finds nothing at its place.
  writeFileSync(path.join(tree, 'src/kit/lost.ts'), 'export const lost = 1\n')
  execFileSync('git', ['add', 'src/kit/lost.ts'], { cwd: tree })
  rmSync(path.join(tree, 'src/kit/lost.ts'))
  assert.match(check().stderr, /not read: src\/kit\/lost\.ts/)
})

const check = () =>
  spawnSync(process.execPath, [path.join(repo, 'test/import-rules/check.ts')], {
    cwd: tree,
    encoding: 'utf8',
    timeout: patience(60_000),
  })
