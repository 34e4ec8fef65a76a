import { setTimeout as pause } from 'node:timers/promises'
import { later } from '../../src/kit/outcome.ts'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { openStrait } from '../bad-days/strait.ts'
import type { Person } from '../fixtures/person.ts'
import { testDatabase } from '../fixtures/postgres.ts'
import { chooser, oneOf } from '../fixtures/seed.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, topsUp } from '../journeys/steps.ts'
import { checkAll, explained } from './checks.ts'
import { createCustomer } from './customer.ts'
import { untilCalm } from './ending.ts'
import { befalls, faultsEnd, type ResolverState, type Surroundings, usual } from './faults.ts'
import { createTime } from './time.ts'

/** The first person of a sandbox is the operator. */
const operatorId = 7_000_000_001
const turns = 45
/** What fetching a result comes to while the names of its hosts are resolved so. */
const unresolved = {
  lies: later('misresolved', 'a host of results has no public address: it resolves to 198.18.0.5'),
  away: later('unreachable', 'getaddrinfo EAI_AGAIN'),
}

/**
 * One walk: people buy pictures while the world around the service breaks, then the world mends, time passes, and
 * everything must have ended right. Everything that is chosen follows from the number; what happens at the same moment
 * may come in another order when the number is walked again.
 */
export async function walk(number: number): Promise<readonly string[]> {
  const choose = chooser('a walk', number)
  const story: string[] = []
  const startedMs = performance.now()
  const say = (what: string) =>
    void story.push(`${String(Math.round(performance.now() - startedMs)).padStart(6)} ${what}`)
  const database = await testDatabase()
  const strait = await openStrait(database.url)
  let resolver: ResolverState = 'right'
  const world = await startWorld({
    seed: `world ${number}`,
    databaseUrl: strait.url,
    env: { ADMIN_ID: String(operatorId) },
    expects: explained,
    wrapPorts: (ports) => ({
      ...ports,
      artifacts: {
        fetch: async (url) => (resolver === 'right' ? await ports.artifacts.fetch(url) : unresolved[resolver]),
      },
    }),
  })
  const db = await connectOnce({ url: database.url, schema: world.schema, owner: 'walk' })
  const [walked] = await Promise.allSettled([walkAndCheck()])
  await db.end()
  // The log and the books; what was found on the way is told first.
  const [ended] = await Promise.allSettled([world.end()])
  await strait.end()
  await database.end()
  const failures = [walked, ended].flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  if (failures.length === 0) return story
  const words = failures.map((failure) => messageOf(failure))
  throw new Error([...words, ...story, 'The log:', ...world.log.lines].join('\n'))

  async function walkAndCheck(): Promise<void> {
    const surroundings: Surroundings = {
      controls: world.controls,
      time: createTime(world, db),
      cutSessions: (share) => cutSessions(world.schema, share),
      restart: world.restartService,
      setResolver(state) {
        resolver = state
      },
      stallDatabase: strait.stall,
      databaseGoesOn: strait.flow,
    }
    await world.controls.kie({ ...usual, latency_ms: 1_500 })
    const operator = await world.person('Оператор')
    await operator.says('/start')
    const customers = await meet()
    await world.controls.kie(usual)
    say('the walk begins')
    for (let turn = 0; turn < turns; turn++) await takeTurn(surroundings, customers)
    say('the world mends')
    await faultsEnd(surroundings)
    await Promise.all(customers.map((customer) => customer.comesBack()))
    await untilCalm(world, db, surroundings.time)
    await Promise.all(customers.map((customer) => customer.rests()))
    say('all is quiet')
    say(await checkAll({ world, db, operator, customers }))
    if (choose(4) === 0) await losesThree(operator)
  }

  /** Three orders in a row that bring nothing: the operator hears of it, if not before. */
  async function losesThree(operator: Person): Promise<void> {
    say('KIE fails three orders')
    // Selling may be paused until KIE is asked again, and a start asks.
    await world.restartService()
    await world.controls.kie({ ...usual, outcome: 'fail' })
    const galina = await world.person('Галина')
    for (const prompt of ['кот', 'пёс', 'сова']) {
      await describes(galina, 'Z-Image', prompt)
      await galina.taps(/^Запустить/)
      await galina.sees(/не справилась/)
    }
    // Whoever begins to lead looks at once.
    await world.restartService()
    const isAlert = ({ text }: { readonly text?: string | undefined }) => text?.includes('LOSS_RECORDED') === true
    if (!(await operator.looks()).some(isAlert)) await operator.sees(isAlert)
  }

  async function meet() {
    return await Promise.all(
      ['Анна', 'Борис', 'Вера'].map(async (name) => {
        const person = await world.person(name)
        const charge = await topsUp(person)
        await ordersFour(person)
        return createCustomer(person, charge, chooser(name, number))
      }),
    )
  }

  /** Four pictures that are still being made when the world begins to break. */
  async function ordersFour(person: Person): Promise<void> {
    await describes(person, 'Wan 2.7 Image', 'четыре картинки')
    await person.taps('Изменить')
    await person.taps(/Сколько|Количество|Вариант/)
    await person.says('4')
    await person.taps(/✅ Готово/)
    await person.taps(/^Запустить/)
    await person.sees(/Передаю заказ|Заказ принят|Рисую/)
  }

  async function takeTurn(surroundings: Surroundings, customers: readonly ReturnType<typeof createCustomer>[]) {
    if (choose(3) === 0) return say(await befalls(surroundings, choose))
    const customer = customers[choose(customers.length)]
    if (customer === undefined) return
    say(`${customer.person.name} ${await customer.act()}`)
    await pause(
      oneOf(
        [
          [2, 0],
          [2, 30],
          [1, 80],
        ],
        choose,
      ),
    )
  }

  async function cutSessions(schema: string, share: number): Promise<number> {
    const { rowCount } = await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name like $1 and application_name not like '%walk' and random() < $2`,
      [`trt ${schema}%`, share],
    )
    return rowCount ?? 0
  }
}

/** The log follows in any case. */
const messageOf = (failure: unknown): string =>
  (failure instanceof Error ? failure.message : String(failure)).replace(/the log:\n(?:\d{4}-.*\n)*/, '')
