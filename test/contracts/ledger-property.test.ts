import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { chargeId, newOrderId, type OrderId, type PersonId } from '../../src/kit/ids.ts'
import { generations, kopecks, stars } from '../../src/money/amount.ts'
import type { Ledger } from '../../src/money/ledger.ts'
import { cases } from '../fixtures/seed.ts'
import { assertSound, entry, oneFree, rub, somebody, today, tomorrow } from './ledger-contract.ts'
import { type Command, LedgerModel } from './ledger-model.ts'
import { openPostgresBooks, type PostgresBooks } from './postgres-books.ts'

/** Random sequences of commands, given to the books and to a model of them that fits in a few maps. */
describe('the books under random commands', () => {
  let books: PostgresBooks
  before(async () => {
    books = await openPostgresBooks()
  })
  after(() => books.end())

  it('answer as the model does, one command after another, and their journal proves every balance', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 40 }), async (wanted) => {
        const model = new LedgerModel()
        const { people, commands } = cast(wanted)
        for (const command of commands)
          assert.equal(await run(books, command), model.run(command), JSON.stringify(command))
        await compare(books, people, model)
        await assertSound(books)
        await assertSumsAreZero(books)
      }),
      cases(40),
    )
  })

  it('settle every hold once and let nothing fall below zero when the commands arrive all at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 40 }), async (wanted) => {
        const { commands } = cast(wanted)
        const answers = await Promise.all(
          commands.map(async (command) => ({ command, answer: await run(books, command) })),
        )
        const times = (order: OrderId, ...wins: readonly string[]) =>
          answers.filter(
            ({ command, answer }) => 'order' in command && command.order === order && wins.includes(answer),
          )
        for (const order of commands.flatMap((command) => ('order' in command ? [command.order] : []))) {
          const held = times(order, 'held').length
          assert.ok(held <= 1 && times(order, 'captured', 'released').length <= held)
          assert.ok(times(order, 'refunded').length <= times(order, 'captured').length)
        }
        await assertSound(books)
        await assertSumsAreZero(books)
      }),
      { ...cases(25), endOnFailure: true },
    )
  })
})

const small = fc.integer({ min: 1, max: 400 })
const who = fc.integer({ min: 0, max: 1 })
const which = fc.integer({ min: 0, max: 5 })
const part = fc.option(small, { nil: undefined })
const price = fc.oneof(fc.record({ unit: fc.constant('RUB' as const), kopecks: small }), fc.constant(oneFree))

/** Steps about two people, six orders and six charges, so that repeats and races are many. */
const steps = fc.oneof(
  fc.record({ type: fc.constant('credit' as const), who, which, amount: small }),
  fc.record({ type: fc.constant('reverse' as const), which }),
  fc.record({ type: fc.constantFrom('give_money' as const, 'give_free' as const), who, which, amount: small }),
  fc.record({ type: fc.constant('hold' as const), who, which, price, day: fc.constantFrom(today, tomorrow) }),
  fc.record({ type: fc.constant('hold' as const), who, which, price, day: fc.constant(today) }),
  fc.record({ type: fc.constantFrom('capture' as const, 'refund' as const), which, part }),
  fc.record({ type: fc.constant('release' as const), which }),
)
type Wanted = typeof steps extends fc.Arbitrary<infer T> ? T : never

/** Gives every part to somebody and something that the books have not seen in an earlier run. */
function cast(wanted: readonly Wanted[]): {
  readonly people: readonly PersonId[]
  readonly commands: readonly Command[]
} {
  const people = [somebody(), somebody()]
  const orders = Array.from({ length: 6 }, newOrderId)
  const of = <T>(all: readonly T[], index: number): T => all[index] ?? assert.fail(`no ${index}`)
  const commands = wanted.map((step): Command => {
    const name = `${people[0]}-${step.which}`
    switch (step.type) {
      case 'credit':
        return { type: step.type, person: of(people, step.who), charge: chargeId(name), amount: step.amount }
      case 'reverse':
        return { type: step.type, charge: chargeId(name) }
      case 'give_money':
      case 'give_free':
        return { type: step.type, person: of(people, step.who), key: name, amount: step.amount }
      case 'hold': {
        const asked = step.price.unit === 'RUB' ? rub(step.price.kopecks) : oneFree
        return {
          type: step.type,
          person: of(people, step.who),
          order: of(orders, step.which),
          price: asked,
          day: step.day,
        }
      }
      case 'capture':
      case 'refund': {
        const some = step.part === undefined ? {} : { part: step.part }
        return { type: step.type, order: of(orders, step.which), ...some }
      }
      case 'release':
        return { type: step.type, order: of(orders, step.which) }
      default:
        return assert.fail('an unknown step')
    }
  })
  return { people, commands }
}

/** One command as one step; what the ledger throws on purpose is `fault`. */
const run = (books: PostgresBooks, command: Command): Promise<string> =>
  books
    .step((ledger) => give(ledger, command))
    .catch((error: Error) =>
      /has no hold|holds something else|at most|has no parts/.test(error.message) ? 'fault' : Promise.reject(error),
    )

async function give(ledger: Ledger, command: Command): Promise<string> {
  switch (command.type) {
    case 'credit': {
      const { person, charge, amount } = command
      return ledger.credit({ person, charge, amount: kopecks(amount), stars: stars(amount), ...entry })
    }
    case 'reverse':
      return ledger.reverse({ charge: command.charge, ...entry })
    case 'give_money': {
      const { person, key, amount } = command
      return ledger.give({ key: `rub-${key}`, person, gift: { unit: 'RUB', kopecks: kopecks(amount) }, ...entry })
    }
    case 'give_free': {
      const { person, key, amount } = command
      return ledger.give({ key: `gen-${key}`, person, gift: { unit: 'GEN', count: generations(amount) }, ...entry })
    }
    case 'hold': {
      const { person, order, price: asked, day } = command
      return (await ledger.hold({ person, order, price: asked, day, ...entry })).kind
    }
    case 'capture':
    case 'refund': {
      const some = command.part === undefined ? {} : { amount: kopecks(command.part) }
      return ledger[command.type]({ order: command.order, ...some, ...entry })
    }
    case 'release':
      return ledger.release({ order: command.order, ...entry })
    default:
      return assert.fail('an unknown command')
  }
}

async function compare(books: PostgresBooks, people: readonly PersonId[], model: LedgerModel): Promise<void> {
  for (const person of people) {
    await books.step(async (ledger) => {
      assert.equal(await ledger.balance(person), model.purses.get(`${person}/RUB`) ?? 0)
      assert.equal(await ledger.debt(person), model.debts.get(person) ?? 0)
      for (const day of [today, tomorrow]) {
        assert.deepEqual(await ledger.free(person, day), {
          today: model.purses.get(`${person}/GEN/${day}`) ?? 5,
          extra: model.purses.get(`${person}/GEN`) ?? 0,
        })
      }
    })
  }
  for (const amount of model.purses.values()) assert.ok(amount >= 0)
}

const ZERO = `
  select unit, sum(amount) as total from (
    select unit, balance as amount from accounts
    union all select unit, amount from transfers where target like 'shop:%'
    union all select unit, -amount from transfers where source like 'shop:%'
  ) everything group by unit having sum(amount) <> 0`

const assertSumsAreZero = async (books: PostgresBooks): Promise<void> =>
  assert.deepEqual((await books.transact((sql) => sql.query(ZERO))).rows, [])
