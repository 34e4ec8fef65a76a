import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { it } from 'node:test'

/** Calls that only a few places may make. What is said in a comment is no call. */
const root = path.resolve(import.meta.dirname, '../..')
const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
const codeOf = (file: string): string =>
  readFileSync(path.join(root, file), 'utf8')
    .replaceAll(/^\s*\/\*\*[\s\S]*?\*\//gm, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
const filesWith = (call: RegExp): string[] => files.filter((file) => call.test(codeOf(file))).sort()

it('nothing that serves requests waits for the disk or for another process: no synchronous call, no child', () => {
  assert.ok(files.length > 150, 'the sources were read')
  const mayWait = [
    // Processes of their own, which nobody waits for while they do it; and the beginning of a start.
    /^src\/keeper\//,
    /^src\/commands\/sandbox\.ts$/,
    /^src\/main\.ts$/,
    // The last words of a thread of its own.
    /^src\/health\/watchdog\.ts$/,
  ]
  const waiting = filesWith(/\b\w+Sync\b|\bAtomics\.wait\(|node:child_process/)
  assert.ok(waiting.includes('src/main.ts'), 'the search finds what there is')
  assert.deepEqual(
    waiting.filter((file) => !mayWait.some((allowed) => allowed.test(file))),
    [],
  )
})

it('one part of the service sets the webhook, and none throws away what waits', () => {
  const setting = filesWith(/\.setWebhook\(/)
  assert.deepEqual(setting, ['src/commands/webhook.ts', 'src/telegram/admin.ts', 'src/webhook/webhook-keeper.ts'])
  const removing = filesWith(/\.deleteWebhook\(/)
  assert.deepEqual(removing, ['src/commands/webhook.ts', 'src/intake/telegram-polling.ts', 'src/telegram/admin.ts'])
  // An operator may, when it is typed; the gateway's own default is to keep.
  assert.deepEqual(filesWith(/dropPending(?!\?|: false| = false)/), [
    'src/commands/webhook.ts',
    'src/telegram/admin.ts',
  ])
  assert.match(codeOf('src/telegram/admin.ts'), /dropPending = false/)
})
