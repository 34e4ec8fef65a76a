import assert from 'node:assert/strict'
import childProcess from 'node:child_process'
import crypto from 'node:crypto'
import fs, { globSync, readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { it } from 'node:test'
import zlib from 'node:zlib'
import { startWorld } from '../fixtures/service.ts'
import { getsFreePicture, opens, picture, topsUp } from '../journeys/steps.ts'

/**
 * Calls that only a few places may make, and calls that nobody makes while people are served. What is said in a comment
 * is no call.
 *
 * Not seen: code that computes for long, of ours or of a library (a loop inside a loop over what grows, a regular
 * expression that backtracks), native addons, and calls on a way that the journey below does not take. At run time the
 * watchdog ends a process whose loop stands still, and WEBHOOK_ACK_SLOW tells of a loop that is late.
 */
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

/** What stops the event loop until the disk, another process or a computation is done. */
const blocking: readonly (readonly [module: object, isBlocking: RegExp])[] = [
  [fs, /Sync$/],
  [childProcess, /Sync$/],
  [crypto, /Sync$/],
  [zlib, /Sync$/],
  [Atomics, /^wait$/],
]

/** Notes from where each blocking call is made, of ours and of every library, until it is stopped. */
function watchBlockingCalls(): { readonly calls: readonly string[]; stop(): void } {
  const calls: string[] = []
  const restores: (() => void)[] = []
  for (const [module, isBlocking] of blocking) {
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(module)).filter((each) => isBlocking.test(each))) {
      const call: unknown = Reflect.get(module, name)
      if (typeof call !== 'function') continue
      const watched = function watched(this: unknown, ...given: unknown[]): unknown {
        const called = { stack: '' }
        Error.captureStackTrace(called, watched)
        calls.push(`${name} ${called.stack}`)
        return Reflect.apply(call, this, given)
      }
      Reflect.set(module, name, Object.assign(watched, call))
      restores.push(() => void Reflect.set(module, name, call))
    }
  }
  syncBuiltinESMExports()
  return {
    calls,
    stop() {
      for (const restore of restores) restore()
      syncBuiltinESMExports()
    },
  }
}

it('no call of the service or of a library blocks the event loop from the first message to the picture', async () => {
  const world = await startWorld({ expects: ['WEBHOOK_SET_RETRY'] })
  const watch = watchBlockingCalls()
  try {
    readFileSync(import.meta.filename)
    assert.match(watch.calls[0] ?? '', /^readFileSync/, 'a call by a name that was imported before is seen')
    await world.controls.kie({ latency_ms: 50 })
    const anna = await world.person('Анна')
    await topsUp(anna)
    await getsFreePicture(anna, 'кот')
    await opens(anna, 'Qwen 2 Edit')
    await anna.sends({ photo: picture(1), caption: 'осень' })
    await anna.taps('Запустить')
    await anna.getsPhoto()
    await fetch(`${world.serviceUrl()}/health`)
    await fetch(`${world.serviceUrl()}/metrics`)
    await world.restartService()
  } finally {
    watch.stop()
    await world.end()
  }
  // Two figures of the process itself, read from /proc, which is memory, when somebody asks for /metrics.
  const ofTheProcess = /prom-client\/lib\/metrics\/(osMemoryHeapLinux|processOpenFileDescriptors)\.js/
  const ofTheService = watch.calls.filter((call) => !/\/(sandbox|test)\//.test(call) && !ofTheProcess.test(call))
  assert.deepEqual(ofTheService, [])
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
