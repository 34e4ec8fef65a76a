import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { checkLog } from '../../src/telemetry/check-log.ts'
import { freePort, isFree, takenPort } from '../fixtures/loopback.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { createPerson, until } from '../fixtures/person.ts'
import { controlsOf } from '../fixtures/sandbox.ts'
import { keepersIn, onlyPid, postmastersIn, sandboxesIn } from '../keeper/users.ts'
import { openTerminal, type Place, processesAround, tracesIn, urlsOf } from './terminal.ts'

const healthShape = z.looseObject({ ok: z.boolean(), mode: z.string(), ready: z.boolean(), instance: z.string() })
const healthAt = async (url: string) => healthShape.parse(await (await fetch(url)).json())
const isActive = async (url: string) => (await healthAt(url)).mode === 'active'

/** After the keeper's linger: no process, no socket, no port. */
async function leavesNothing({ DATA_DIR, PORT, SANDBOX_PORT }: Place): Promise<void> {
  const left = () => [...processesAround(DATA_DIR), ...tracesIn(DATA_DIR)]
  await until(() => left().length === 0, 'nothing is left').catch(() => assert.deepEqual(left(), []))
  for (const port of [PORT, SANDBOX_PORT]) assert.ok(await isFree(Number(port)), `port ${port} is taken`)
}

describe('npm start', { concurrency: 3 }, () => {
  it('leads from nothing to a picture, ends by SIGTERM, goes on where it was, and ends by Ctrl-C', async (t) => {
    const { npmStart, place } = openTerminal(t)
    const env = await place()
    const first = npmStart(env)
    const { chat, health } = await urlsOf(first)
    assert.equal(chat, `http://127.0.0.1:${env.SANDBOX_PORT}/`)
    assert.equal(health, `http://127.0.0.1:${env.PORT}/health`)
    assert.match(await (await fetch(chat)).text(), /<div id="app">/)
    await until(() => isActive(health), '/health says active')

    const controls = controlsOf(chat.slice(0, -1))
    await controls.kie({ latency_ms: 50 })
    const anna = await createPerson(controls, { first_name: 'Анна', language_code: 'ru' })
    await anna.says('/start')
    await anna.taps('Картинки и дизайн')
    await anna.taps('Z-Image')
    await anna.sees(/Что понадобится/)
    await anna.says('кот в скафандре')
    const confirm = await anna.sees(/Цена: бесплатно/)
    await anna.taps('Запустить', confirm)
    await anna.getsPhoto()
    await anna.getsReceipt()

    first.kill('SIGTERM')
    assert.equal(await first.ends(), 0)
    assert.match(first.printed(), /SHUTDOWN_DONE took_ms=\d+\n$/)
    assert.deepEqual(checkLog(first.printed().trimEnd().split('\n'), { settled: true }), [])
    assert.deepEqual(
      processesAround(env.DATA_DIR).filter((line) => line.includes('trt.js')),
      [],
    )

    const second = npmStart(env)
    await until(async () => isActive((await urlsOf(second)).health), 'it is active again')
    assert.equal(anna.chat().length, (await anna.looks()).length)
    await anna.taps('Запустить', confirm)
    await anna.sees(/Этот заказ уже запускался/)
    await controls.reset()
    const boris = await createPerson(controls, { first_name: 'Boris', language_code: 'en' })
    await boris.says('/start')
    await boris.sees(/Hello, Boris/)

    // A terminal sends it to the whole group, and npm passes it on; an impatient hand presses it again.
    second.killGroup('SIGINT')
    await second.prints(/SHUTDOWN_STARTED reason=SIGINT/)
    second.killGroup('SIGINT')
    // npm itself may end by the signal that it was sent twice; what it started ends in its own way, and is waited for.
    assert.ok([0, 'SIGINT'].includes(await second.ends()))
    assert.match(second.printed(), /SHUTDOWN_DONE took_ms=\d+\n/)
    await leavesNothing(env)
  })

  it('leaves database and sandbox to the keeper when it is killed, and a second one takes over', async (t) => {
    const { npmStart, trt, place } = openTerminal(t)
    const env = await place()
    const first = npmStart(env)
    const { chat, health } = await urlsOf(first)
    await until(() => isActive(health), 'the first is active')
    const kept = () => [keepersIn, postmastersIn, sandboxesIn].map((find) => onlyPid(find(env.DATA_DIR)))
    const keptAtFirst = kept()

    const anna = await createPerson(controlsOf(chat.slice(0, -1)), { first_name: 'Анна', language_code: 'ru' })
    await anna.says('/start')
    await anna.sees(/Привет, Анна/)

    const other = { ...env, PORT: String(await freePort()) }
    const second = npmStart(other)
    const standby = await urlsOf(second)
    assert.equal(standby.chat, chat)
    assert.equal((await healthAt(standby.health)).mode, 'passive')

    const [ledger, catalog, samePort] = [
      trt(['ledger', 'verify'], env),
      trt(['catalog', 'check'], env),
      trt(['start'], env),
    ]
    assert.equal(await ledger.ends(), 0, ledger.printed())
    assert.match(ledger.printed(), /The books are right/)
    assert.equal(await catalog.ends(), 0, catalog.printed())
    assert.equal(await samePort.ends(), 1)
    assert.match(samePort.printed(), new RegExp(`address already in use.*${env.PORT}. Set PORT to a free one`))

    first.killGroup('SIGKILL')
    const killedAt = performance.now()
    await until(() => isActive(standby.health), 'the second has taken over')
    assert.ok(
      performance.now() - killedAt < onThisMachine(10_000),
      `taken over after ${performance.now() - killedAt} ms`,
    )
    await anna.taps('Баланс')
    await anna.sees(/Деньги на балансе/)

    second.killGroup('SIGKILL')
    await second.ends()
    const third = trt(['start'], env)
    await until(async () => isActive((await urlsOf(third)).health), 'the third is active')
    assert.deepEqual(kept(), keptAtFirst)
    await anna.taps('Пополнить')
    await anna.sees(/Нажмите сумму/)
    third.kill('SIGTERM')
    assert.equal(await third.ends(), 0)
    await leavesNothing(env)

    // Nothing runs now: the command brings the database up for itself.
    const alone = trt(['ledger', 'verify'], env)
    assert.equal(await alone.ends(), 0, alone.printed())
    assert.match(alone.printed(), /The books are right/)
  })

  it('can be broken off at its very beginning, and started again', async (t) => {
    const { npmStart, place } = openTerminal(t)
    const env = await place()
    const first = npmStart(env)
    await first.prints(/Preparing the database/)
    first.killGroup('SIGINT')
    // Before it listens for signals, npm or the start itself ends by this one; nothing has begun that would stay.
    assert.ok([0, 'SIGINT'].includes(await first.ends()))
    const second = npmStart(env)
    await until(async () => isActive((await urlsOf(second)).health), 'it is active')
    second.kill('SIGTERM')
    assert.equal(await second.ends(), 0)
    await leavesNothing(env)
  })

  it('says which setting to change when the port of the sandbox is taken', async (t) => {
    const { npmStart, place } = openTerminal(t)
    const { port } = await takenPort(t)
    const refused = npmStart({ ...(await place()), SANDBOX_PORT: String(port) })
    assert.equal(await refused.ends(), 1)
    assert.match(refused.printed(), new RegExp(`Port ${port}.*in use by another program. Set SANDBOX_PORT`))
  })
})

describe('trt', { concurrency: 2 }, () => {
  it('says what it can do when it is asked for nothing, for help, or for something else', async (t) => {
    const { trt } = openTerminal(t)
    const [nothing, help, helpOfStart, unknown] = [trt([]), trt(['--help']), trt(['start', '--help']), trt(['strat'])]
    for (const asked of [nothing, help, helpOfStart]) assert.equal(await asked.ends(), 0)
    for (const asked of [nothing, help]) assert.match(asked.printed(), /^trt <command>[\s\S]*^ {2}start {2}/m)
    assert.match(helpOfStart.printed(), /^trt start\n/)
    assert.equal(await unknown.ends(), 1)
    assert.match(unknown.printed(), /There is no command "strat"/)
  })

  it('lists everything that is wrong with the settings at once, and starts nothing', async (t) => {
    const { trt } = openTerminal(t)
    const wrong = trt(['start'], {
      PORT: 'http',
      SANDBOX_PORT: '70000',
      KIE_API_KEY: 'only-one-of-the-two',
      USD_TO_RUB: '78,57',
      SHOP_TIMEZONE: 'Mars/Olympus',
    })
    assert.equal(await wrong.ends(), 1)
    const printed = wrong.printed()
    for (const name of ['PORT', 'SANDBOX_PORT', 'TELEGRAM_BOT_TOKEN', 'USD_TO_RUB', 'SHOP_TIMEZONE']) {
      assert.match(printed, new RegExp(`^ {2}${name} `, 'm'), printed)
    }
    assert.doesNotMatch(printed, /only-one-of-the-two/)
  })

  it('says what to do to a Node.js that is too old', async (t) => {
    const { type } = openTerminal(t)
    const pretend = `Object.defineProperties(process, {
      version: { value: 'v20.20.2' }, versions: { value: { ...process.versions, node: '20.20.2' } } })`
    const words = ['--import', `data:text/javascript,${pretend}`, 'bin/trt.js', 'start']
    const old = type(process.execPath, words)
    assert.equal(await old.ends(), 1)
    assert.match(old.printed(), /^TRT needs Node.js 24.12 or later, and this is v20.20.2.\nRun `npm ci`/)
  })

  it('says it also to the Node.js of this machine, where that is one', async (t) => {
    const { type } = openTerminal(t)
    const ofMachine = type('node', ['bin/trt.js', '--help'])
    const version = type('node', ['--version'])
    await version.ends()
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version.printed()) ?? []
    const isTooOld = Number(major) * 100 + Number(minor) < 24_12
    assert.equal(await ofMachine.ends(), isTooOld ? 1 : 0)
    assert.match(ofMachine.printed(), isTooOld ? /^TRT needs Node.js/ : /^trt <command>/)
  })
})
