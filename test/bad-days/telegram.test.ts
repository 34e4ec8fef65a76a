import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { z } from 'zod'
import type { EventName } from '../../src/telemetry/events.ts'
import { type Person, until } from '../fixtures/person.ts'
import { startWorld, type World } from '../fixtures/service.ts'
import { describes, opens, picture, topsUp } from '../journeys/steps.ts'

/**
 * Telegram has a bad day. A call that is not confirmed is repeated a few times with growing pauses; one that cannot be
 * made waits, and what waits goes on by itself, at a steady pace, when the day is over.
 */
test('a bad day of Telegram', { concurrency: 3 }, async (t) => {
  await Promise.all([
    t.test('that executes and answers 502: nobody sees more than three copies, and a result is paid once', (t) =>
      inWorld(t, async (world) => {
        const { controls, log } = world
        const anna = await world.person('Анна')
        await anna.says('/start')
        await anna.sees(/Привет/)
        await controls.fault(executed('sendMessage'))
        await anna.says('/help')
        const told = await log.until('MESSAGE_UNCONFIRMED')
        assert.equal(told['calls'], 3)
        const copies = (await anna.looks()).filter(({ text }) => text?.includes('Как это работает'))
        assert.equal(copies.length, 3)
        await controls.clearFaults()

        await describes(anna, 'Z-Image', 'маяк')
        await controls.fault(executed('sendPhoto'))
        await anna.taps('Запустить')
        await log.until('RESULT_UNCONFIRMED')
        const pictures = async () => (await anna.looks()).filter(({ photo }) => photo).length
        assert.equal(await pictures(), 3)
        assert.equal(log.count('HOLD_CAPTURED'), 0, 'what nobody confirmed is not charged')
        await log.until('OPERATOR_TOLD', ({ what }) => /RESULT_UNCONFIRMED/.test(String(what)))
        const due = await dueInS(world, 'deliver')
        assert.ok(due > 280 && due <= 300, `the next upload rests, for ${due} s`)
        await controls.clearFaults()
        await comesDue(world)
        await log.until('ORDER_COMPLETED')
        assert.equal(await pictures(), 4)
        assert.equal(log.count('HOLD_CAPTURED'), 1)
      }),
    ),

    t.test('that is away: nobody calls it but one probe, and everybody is answered when it is back', (t) =>
      inWorld(t, async (world) => {
        const { controls, log } = world
        const operator = await world.person('Ольга')
        await operator.says('/start')
        await operator.sees(/Привет/)
        const people = await Promise.all(Array.from({ length: 30 }, (_, n) => world.person(`Гость${n}`)))
        for (const person of people.slice(0, 2)) {
          await person.says('/start')
          await person.sees(/Привет/)
        }
        await controls.fault({ on: 'telegram', status: 502, times: 10_000 })
        await Promise.all(people.map((person) => person.says('/help')))
        await log.until('TELEGRAM_AWAY')
        await until(async () => (await callsOf(world, 502, 'getMe')).length >= 2, 'it was probed again')
        await log.until('OPERATOR_TOLD', ({ what }) => /TELEGRAM_AWAY/.test(String(what)))
        assert.deepEqual((await healthOf(world)).problems, ['telegram_away'])
        // Whatever was on its way when it opened, and the probes.
        const failed = (await callsOf(world, 502)).length
        assert.ok(failed <= 40, `${failed} calls in vain`)
        const backAt = await now(world)
        await controls.clearFaults()
        for (const person of people) await person.sees(/Как это работает/, { withinMs: 60_000 })
        await operator.sees(/TELEGRAM_AWAY \(sandbox\)\nTelegram does not answer/, { withinMs: 60_000 })
        await log.until('TELEGRAM_BACK')
        assert.equal(log.count('TELEGRAM_AWAY'), 1, 'one alarm')
        const calls = (await callsOf(world, 200, 'sendMessage')).filter(({ at }) => at >= backAt)
        assert.equal(calls.length, 31, 'one screen for each, and one alarm')
        const inASecond = calls.map(({ at }) => calls.filter((each) => each.at >= at && each.at < at + 1_000).length)
        assert.ok(Math.max(...inASecond) <= 25, `${Math.max(...inASecond)} calls in a second`)
        await until(async () => (await healthOf(world)).problems.length === 0, 'it is healthy again')
      }),
    ),

    t.test('that refuses the token for a while: photos and results wait, and none is lost or refunded', (t) =>
      inWorld(t, async (world) => {
        const { controls, log } = world
        const [vera, gleb] = [await world.person('Вера'), await world.person('Глеб')]
        await topsUp(vera)
        await opens(vera, 'Qwen 2 Edit')
        await controls.kie({ latency_ms: 1_500 })
        await describes(gleb, 'Z-Image', 'сова')
        await gleb.taps('Запустить')
        await log.until('KIE_TASK_CREATED')
        await controls.fault({ on: 'telegram', status: 401, description: 'Unauthorized', times: 10_000 })
        const photo = picture(7, 'image/jpeg')
        await vera.sends({ photo })
        const told = await log.until('TELEGRAM_AWAY')
        assert.equal(told['why'], 'token_refused')
        await until(async () => (await controls.tasks()).at(-1)?.state === 'success', 'the picture is made')
        await until(async () => (await callsOf(world, 401, 'getMe')).length >= 2, 'the token was tried again')
        await controls.clearFaults()
        await gleb.getsPhoto()
        await log.until('ORDER_COMPLETED')
        await vera.sees(/✍️ Опишите/)
        await vera.says('сделай зиму')
        await vera.sees(/Фото: 1 картинка/)
        assert.equal(log.count('HOLD_RELEASED'), 0)
      }),
    ),

    t.test('that refuses the token once, in the hand-over of a photo to KIE: the order waits and is made', (t) =>
      inWorld(t, async (world) => {
        const { controls, log } = world
        const lev: Person = await world.person('Лев')
        await topsUp(lev)
        await opens(lev, 'Qwen 2 Edit')
        await lev.sends({ photo: picture(8, 'image/jpeg') })
        await lev.sees(/✍️ Опишите/)
        await lev.says('сделай весну')
        await lev.sees(/Фото: 1 картинка/)
        await controls.fault({ on: 'telegram', method: 'getFile', status: 401, description: 'Unauthorized' })
        await lev.taps('Запустить')
        await lev.getsPhoto()
        assert.equal(log.count('HOLD_RELEASED'), 0)
        assert.equal(log.count('TELEGRAM_AWAY'), 1)
      }),
    ),
  ])
})

const executed = (method: string) =>
  ({ on: 'telegram', method, status: 502, after_execution: true, times: 10_000 }) as const

const trouble: readonly EventName[] = [
  'PREFLIGHT_FINDING',
  'UI_NOT_SHOWN',
  'RESULT_NOT_DELIVERED',
  'MESSAGE_UNCONFIRMED',
  'RESULT_UNCONFIRMED',
  'TELEGRAM_AWAY',
  'OPERATOR_NOT_TOLD',
]

async function inWorld(t: TestContext, work: (world: World) => Promise<void>): Promise<void> {
  // The first person of a sandbox is an operator.
  const world = await startWorld({ env: { ADMIN_ID: '7000000001' }, expects: trouble })
  t.after(() => world.end())
  await world.controls.kie({ latency_ms: 50 })
  await work(world)
}

async function callsOf({ controls }: World, status: number, method?: string) {
  return (await controls.calls(method)).filter((call) => call.status === status)
}

/** By the clock of the sandbox. */
const now = async ({ controls }: World) => (await controls.calls()).at(-1)?.at ?? 0

async function healthOf(world: World) {
  const answer = await fetch(`${world.serviceUrl()}/health`)
  return z.looseObject({ problems: z.array(z.string()) }).parse(await answer.json())
}

async function inJobs<Row extends pg.QueryResultRow>({ databaseUrl, schema }: World, sql: string): Promise<Row[]> {
  const db = new pg.Client({ connectionString: databaseUrl, options: `-c search_path=${schema}_jobs` })
  await db.connect()
  try {
    return (await db.query<Row>(sql)).rows
  } finally {
    await db.end()
  }
}

/** In how many seconds the errand of this kind is due; waits until it waits. */
async function dueInS(world: World, kind: string): Promise<number> {
  let due: number | undefined
  await until(async () => {
    const [job] = await inJobs<{ s: number }>(
      world,
      `select extract(epoch from run_at - now())::float8 as s from _private_jobs
        where payload->'errand'->>'kind' = '${kind}' and locked_at is null and run_at > now()`,
    )
    due = job?.s
    return due !== undefined
  }, `an errand ${kind} waits`)
  return due ?? 0
}

/** The time of everything that waits has come. */
const comesDue = (world: World) => inJobs(world, 'update _private_jobs set run_at = now() where locked_at is null')
