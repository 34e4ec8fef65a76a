import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { commands } from '../../src/commands/commands.ts'
import { openShop, type Running, type Shop, trt } from '../commands/shop.ts'
import { createPerson, until } from '../fixtures/person.ts'

/**
 * Every command that the operators' guide tells somebody to type is typed here, beside a living service with a buyer's
 * order in it, and ends as the guide says. What stands in the guide as an example stands for something that is there.
 */
const root = path.resolve(import.meta.dirname, '../..')
const guide = readFileSync(path.join(root, 'docs/operations.md'), 'utf8')

/** Those that cannot be run here, and why. One that is not in the guide any more is an error of this table. */
const notRunHere: Readonly<Record<string, string>> = {
  'npm ci && npm run check': 'it runs this test; .ci/run types it',
  'npm start': 'test/newcomer/npm-start.test.ts types it',
  'BOT_MODE=polling PORT=8000 npm start':
    'it polls the real Telegram; test/intake/doors.test.ts polls the pretended one',
  'git revert --no-edit HEAD': 'it changes the repository',
}

/** Those that end with another code than 0 where all is well. */
const endsWith: Readonly<Record<string, { readonly code: number; readonly says: RegExp }>> = {
  'npx trt lock free': { code: 1, says: /lives: it was heard/ },
  "grep -E '\\[(WARNING|ERROR)\\]' trt.log": { code: 1, says: /^$/ },
  "grep 'reason_code=' trt.log": { code: 1, says: /^$/ },
  "tail -n 100 trt.log | grep -c '\\[ERROR\\]'": { code: 1, says: /^0$/m },
}

/** What a command must show besides its exit code. */
const shows: Readonly<Record<string, RegExp>> = {
  'curl -s http://127.0.0.1:10000/health': /"ok":true.*"mode":"active".*"lock_acquired":true/,
  'npx trt lock show': /It lives\. Nothing to do\./,
  'npx trt inbox list': /Nothing/i,
  'npx trt refund order abcdefghjkmn --why "a spoilt picture"': /went back to person/,
}

/** What must be so before a command has something to do. */
const prepared: Readonly<Record<string, () => Promise<unknown>>> = {
  'npx trt jobs show 987654': () => shelved(987_654),
  'npx trt jobs retry 987654': () => shelved(987_654),
  'npx trt jobs drop 987655': () => shelved(987_655),
  'npx trt inbox retry 123456': () =>
    shop.sql(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, attempts, shelved_at)
       values (7000001, 123456, 'p:7', 'message', '0badc0de', '{"update_id":123456}', 0, 5, 1)`,
    ),
}

/** A job that was given up, by its number. */
const shelved = (id: number) =>
  shop.sql(
    `insert into shelved_jobs (id, kind, payload, cid, reason, attempts)
     values (${id}, 'say', '{"version":1,"errand":{"kind":"say","chat":7},"cid":"0badc0de"}', '0badc0de', 'x', 12)
     on conflict do nothing`,
  )

let shop: Shop
let running: Running
let folder: string
/** What an example in the guide stands for here. */
let examples: Readonly<Record<string, string>>
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'trt-guide-'))
  shop = await openShop({
    WEBHOOK_SECRET_PATH: 'the-path-of-the-guide',
    WEBHOOK_SECRET_TOKEN: 'the-token-of-the-guide',
  })
  await shop.controls.kie({ latency_ms: 50 })
  running = await shop.start()
  const { cid, order, person } = await aBuyer()
  examples = {
    'http://127.0.0.1:10000': running.url,
    'http://127.0.0.1:8000': running.url,
    SECRET_PATH: 'the-path-of-the-guide',
    SECRET_TOKEN: 'the-token-of-the-guide',
    'trt.log': path.join(folder, 'trt.log'),
    '1a2b3c4d': cid,
    '12345678': String(person),
    abcdefghjkmn: order,
  }
  writeFileSync(path.join(folder, 'trt.log'), `${running.lines().join('\n')}\n`)
  writeFileSync(path.join(folder, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${root}/bin/trt.js' "$@"\n`)
  chmodSync(path.join(folder, 'npx'), 0o755)
})
after(async () => {
  await running.stop()
  await shop.end()
  await rm(folder, { recursive: true })
})

async function aBuyer() {
  const anna = await createPerson(shop.controls, { first_name: 'Анна', language_code: 'ru' })
  await anna.says('/start')
  await anna.taps('Картинки и дизайн')
  await anna.taps('Z-Image')
  await anna.sees(/Что понадобится/)
  await anna.says('кот')
  await anna.taps('Запустить')
  await anna.getsPhoto()
  const completed = () => running.lines().find((line) => line.includes(' ORDER_COMPLETED ')) ?? ''
  await until(() => completed() !== '', 'the order is completed')
  const [, cid = ''] = /cid=(\w{8})/.exec(completed()) ?? []
  const [, order = ''] = /order_id=(\w{12})/.exec(completed()) ?? []
  return { cid, order, person: anna.id }
}

const programs = 'npx|npm|node|git|docker|curl|grep|tail|psql|systemctl|kill|trt'
const isCommand = (text: string) => new RegExp(`^([A-Z_]+=\\S+ )*(${programs}) `).test(text)

/** Lines of blocks, and spans that begin with a program. */
function commandsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.trim().split('\n'))
  const lines = blocks.filter((line) => line !== '' && !line.startsWith('#'))
  const spans = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
  return [...new Set([...lines, ...spans.filter(isCommand)])]
}

const written = commandsIn(guide)

type Ended = { readonly code: number; readonly all: string }

/** In this process when it is a command of ours alone, else by the shell, as it stands. */
async function types(command: string): Promise<Ended> {
  const here = Object.entries(examples).reduce((text, [example, real]) => text.replaceAll(example, real), command)
  const words = /^npx trt ([^|&;<>]*)$/.exec(here)?.[1]
  if (words !== undefined) {
    const plain = [...words.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word)
    return await trt(plain, shop.env)
  }
  const child = spawn('sh', ['-c', here], {
    // Only npm wants to be where the program is.
    cwd: command.startsWith('npm ') ? root : folder,
    env: { ...shop.env, PATH: `${folder}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let all = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      all += text
    })
  }
  const [code] = await once(child, 'close')
  return { code: Number(code), all }
}

describe("the operators' guide", () => {
  for (const command of written.filter((each) => !Object.hasOwn(notRunHere, each))) {
    it(`can be followed: ${command.slice(0, 90)}`, async () => {
      await prepared[command]?.()
      const { code, all } = await types(command)
      const { code: expected, says } = endsWith[command] ?? { code: 0, says: shows[command] ?? /./ }
      assert.equal(code, expected, all)
      assert.match(all, says)
    })
  }

  it('names every command of trt', () => {
    const missing = Object.keys(commands).filter((name) => !written.some((each) => each.includes(`npx trt ${name}`)))
    assert.deepEqual(
      missing.filter((name) => name !== 'start' && name !== 'sandbox'),
      [],
    )
  })

  it('is what the tables of this test speak of, and its examples are all used', () => {
    const tables = [notRunHere, endsWith, shows, prepared].flatMap((table) => Object.keys(table))
    assert.deepEqual(
      tables.filter((command) => !written.includes(command)),
      [],
    )
    assert.deepEqual(
      Object.keys(examples).filter((example) => !written.some((command) => command.includes(example))),
      [],
    )
  })

  it('takes for a command whatever stands alone in a block', () => {
    for (const command of written) assert.ok(isCommand(command), `is this to be typed? ${command}`)
  })
})
