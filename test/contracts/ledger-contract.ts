import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { instant } from '../../src/kit/clock.ts'
import {
  type ChargeId,
  chargeId,
  cid,
  messageId,
  newOrderId,
  newTopUpId,
  type OrderId,
  type PersonId,
  personId,
} from '../../src/kit/ids.ts'
import { generations, kopecks, type Price, stars } from '../../src/money/amount.ts'
import type { Ledger } from '../../src/money/ledger.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import type { TopUps } from '../../src/money/top-up.ts'
import { chooser } from '../fixtures/seed.ts'

/** One engine of the books, opened for tests. */
export type Books = {
  /** One step: a transaction of its own, committed when `work` has returned. Twenty of them run at once. */
  step<T>(work: (ledger: Ledger) => Promise<T>): Promise<T>
  topUps<T>(work: (topUps: TopUps) => Promise<T>): Promise<T>
  setFreeDaily(count: number): void
  verify(): Promise<Verified>
  end(): Promise<void>
}

type Verified = { readonly ok: true; readonly unsealed: number } | { readonly ok: false; readonly difference: string }

export const today = shopDay('2026-11-25')
export const tomorrow = shopDay('2026-11-26')
export const entry = { at: instant(1_764_000_000_000), cid: cid('abc123ff') }
export const rub = (amount: number): Price => ({ unit: 'RUB', kopecks: kopecks(amount) })
export const oneFree: Price = { unit: 'GEN', count: 1 }
let people = 1000
/** Somebody whom the books have never seen. */
export const somebody = (): PersonId => personId(++people)
let charges = 0
export const newCharge = (): ChargeId => chargeId(`charge-${++charges}`)

/** What a person does with the books, as the tests say it. */
export const topUp =
  (person: PersonId, amount: number, charge = newCharge()) =>
  (ledger: Ledger) =>
    ledger.credit({ charge, person, amount: kopecks(amount), stars: stars(amount), ...entry })
export const hold =
  (person: PersonId, order: OrderId, price: Price, day = today) =>
  (ledger: Ledger) =>
    ledger.hold({ order, person, price, day, ...entry })

const twenty = <T>(run: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 20 }, (_, n) => run(n)))
const count = <T>(all: readonly T[], wanted: T): number => all.filter((each) => each === wanted).length

/** The journal, the balances and everything else that is stored agree. */
export async function assertSound(books: Books): Promise<void> {
  const verified = await books.verify()
  assert.ok(verified.ok, verified.ok ? '' : verified.difference)
}

/** Ends the books, also when they turn out not to be sound. */
export async function endSound(books: Books): Promise<void> {
  try {
    await assertSound(books)
  } finally {
    await books.end()
  }
}

/** Every engine of the ledger is held to its promises by these. */
export function ledgerContract(name: string, open: () => Promise<Books>): void {
  describe(`the books on ${name}`, () => {
    let books: Books
    before(async () => {
      books = await open()
    })
    after(() => endSound(books))
    const { step, balance, free } = {
      step: <T>(work: (ledger: Ledger) => Promise<T>) => books.step(work),
      balance: (person: PersonId) => books.step((ledger) => ledger.balance(person)),
      free: (person: PersonId, day = today) => books.step((ledger) => ledger.free(person, day)),
    }
    const funded = async (amount: number): Promise<PersonId> => {
      const person = somebody()
      await step(topUp(person, amount))
      return person
    }
    const held = async (amount: number, of = 100) => {
      const person = await funded(of)
      const order = newOrderId()
      assert.deepEqual(await step(hold(person, order, rub(amount))), { kind: 'held' })
      return { person, order }
    }

    describe('money', () => {
      it('grants exactly one of 20 holds of 60 that arrive at once on a balance of 100', async () => {
        const person = await funded(100)
        const answers = await twenty(() => step(hold(person, newOrderId(), rub(60))))
        assert.equal(answers.filter(({ kind }) => kind === 'held').length, 1)
        assert.equal(answers.filter((answer) => answer.kind === 'not_enough_money' && answer.missing === 20).length, 19)
        assert.equal(await balance(person), 40)
      })

      it('credits a charge once when it arrives 20 times at once', async () => {
        const person = somebody()
        const charge = newCharge()
        const answers = await twenty(() => step(topUp(person, 250, charge)))
        assert.equal(count(answers, 'credited'), 1)
        assert.equal(count(answers, 'already_credited'), 19)
        assert.equal(await balance(person), 250)
      })

      it('places the same hold once when it arrives 20 times at once, even when the balance covers only one', async () => {
        const person = await funded(100)
        const order = newOrderId()
        const answers = await twenty(() => step(hold(person, order, rub(60))))
        assert.equal(answers.filter(({ kind }) => kind === 'held').length, 1)
        assert.equal(answers.filter(({ kind }) => kind === 'already_held').length, 19)
        assert.equal(await balance(person), 40)
      })

      it('refuses a person without money, saying how much is missing', async () => {
        assert.deepEqual(await step(hold(somebody(), newOrderId(), rub(60))), { kind: 'not_enough_money', missing: 60 })
      })

      it('holds a balance to its last kopeck', async () => {
        const { person, order } = await held(100)
        assert.equal(await balance(person), 0)
        assert.deepEqual(await step(hold(person, newOrderId(), rub(1))), { kind: 'not_enough_money', missing: 1 })
        assert.equal(await step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(100) })), 'captured')
      })

      it('moves neither nothing nor less', async () => {
        const person = await funded(100)
        for (const amount of [0, -1]) {
          await assert.rejects(step(hold(person, newOrderId(), rub(amount))), /cannot be transferred/)
          await assert.rejects(step(topUp(person, amount)), /cannot be transferred/)
        }
        assert.equal(await balance(person), 100)
      })

      it('does not take another price under an order that holds one already', async () => {
        const { person, order } = await held(60)
        await assert.rejects(step(hold(person, order, rub(61))), /holds something else/)
        assert.equal(await balance(person), 40)
      })

      it('forgets everything of a step that failed', async () => {
        const person = await funded(100)
        const order = newOrderId()
        const failing = step(async (ledger) => {
          await hold(person, order, rub(60))(ledger)
          throw new Error('the step failed')
        })
        await assert.rejects(failing, /the step failed/)
        assert.equal(await balance(person), 100)
        assert.deepEqual(await step(hold(person, order, rub(60))), { kind: 'held' })
      })
    })

    describe('settling', () => {
      it('takes a captured hold for good', async () => {
        const { person, order } = await held(60)
        assert.equal(await step((ledger) => ledger.capture({ order, ...entry })), 'captured')
        assert.equal(await balance(person), 40)
      })

      it('gives the rest back when less is captured than was held', async () => {
        const { person, order } = await held(60)
        assert.equal(await step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(25) })), 'captured')
        assert.equal(await balance(person), 75)
      })

      it('captures neither nothing nor more than was held', async () => {
        const { person, order } = await held(60)
        for (const amount of [0, -1, 61]) {
          await assert.rejects(
            step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(amount) })),
            /at most 60/,
          )
        }
        assert.equal(await balance(person), 40)
      })

      it('gives a released hold back', async () => {
        const { person, order } = await held(60)
        assert.equal(await step((ledger) => ledger.release({ order, ...entry })), 'released')
        assert.equal(await balance(person), 100)
      })

      it('settles a hold once when captures and releases race for it', async () => {
        for (const part of [undefined, kopecks(30)]) {
          const { person, order } = await held(60)
          const answers = await twenty<string>((n) =>
            n % 2 === 0
              ? step((ledger) => ledger.capture({ order, ...entry, ...(part === undefined ? {} : { amount: part }) }))
              : step((ledger) => ledger.release({ order, ...entry })),
          )
          const captured = count(answers, 'captured')
          assert.equal(captured + count(answers, 'released'), 1)
          assert.equal(count(answers, captured === 1 ? 'already_captured' : 'already_released'), 19)
          assert.equal(await balance(person), captured === 1 ? 100 - (part ?? 60) : 100)
        }
      })

      it('does not settle what was never held', async () => {
        const order = newOrderId()
        await assert.rejects(
          step((ledger) => ledger.capture({ order, ...entry })),
          /has no hold/,
        )
        await assert.rejects(
          step((ledger) => ledger.release({ order, ...entry })),
          /has no hold/,
        )
      })

      it('holds an order once, also after it was settled', async () => {
        const { person, order } = await held(60)
        await step((ledger) => ledger.release({ order, ...entry }))
        assert.deepEqual(await step(hold(person, order, rub(60))), { kind: 'already_held' })
        assert.equal(await balance(person), 100)
      })
    })

    describe('refunds', () => {
      it('refunds an order once when 20 refunds arrive at once', async () => {
        const { person, order } = await held(60)
        await step((ledger) => ledger.capture({ order, ...entry }))
        const answers = await twenty(() => step((ledger) => ledger.refund({ order, ...entry })))
        assert.equal(count(answers, 'refunded'), 1)
        assert.equal(count(answers, 'already_refunded'), 19)
        assert.equal(await balance(person), 100)
      })

      it('refunds no more than was captured', async () => {
        const { person, order } = await held(60)
        await step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(25) }))
        await assert.rejects(
          step((ledger) => ledger.refund({ order, ...entry, amount: kopecks(26) })),
          /at most 25/,
        )
        assert.equal(await step((ledger) => ledger.refund({ order, ...entry })), 'refunded')
        assert.equal(await balance(person), 100)
      })

      it('has nothing to refund while an order is open and after it was released', async () => {
        const { person, order } = await held(60)
        assert.equal(await step((ledger) => ledger.refund({ order, ...entry })), 'nothing_captured')
        await step((ledger) => ledger.release({ order, ...entry }))
        assert.equal(await step((ledger) => ledger.refund({ order, ...entry })), 'nothing_captured')
        assert.equal(await balance(person), 100)
      })
    })

    describe('free generations', () => {
      it('promises the five of the day before they are used, and makes no account for a look', async () => {
        const person = somebody()
        assert.deepEqual(await free(person), { today: 5, extra: 0 })
        assert.deepEqual(await free(person), { today: 5, extra: 0 })
      })

      it('grants five of 20 first uses that arrive at once', async () => {
        const person = somebody()
        const answers = await twenty(() => step(hold(person, newOrderId(), oneFree)))
        assert.equal(answers.filter(({ kind }) => kind === 'held').length, 5)
        assert.equal(answers.filter(({ kind }) => kind === 'no_free_left').length, 15)
        assert.deepEqual(await free(person), { today: 0, extra: 0 })
        assert.deepEqual(await free(person, tomorrow), { today: 5, extra: 0 })
      })

      it('counts the same order once when it arrives 20 times at once', async () => {
        const person = somebody()
        const order = newOrderId()
        const answers = await twenty(() => step(hold(person, order, oneFree)))
        assert.equal(answers.filter(({ kind }) => kind === 'held').length, 1)
        assert.equal(answers.filter(({ kind }) => kind === 'already_held').length, 19)
        assert.deepEqual(await free(person), { today: 4, extra: 0 })
      })

      it('gives a released one back to the day it came from', async () => {
        const person = somebody()
        const order = newOrderId()
        await step(hold(person, order, oneFree))
        await step(hold(person, newOrderId(), oneFree, tomorrow))
        assert.equal(await step((ledger) => ledger.release({ order, ...entry })), 'released')
        assert.deepEqual(await free(person), { today: 5, extra: 0 })
        assert.deepEqual(await free(person, tomorrow), { today: 4, extra: 0 })
      })

      it('spends those of a referral last, and gives them back as such', async () => {
        const person = somebody()
        const referral = { key: `referral:${person}`, person, gift: { unit: 'GEN', count: generations(2) } as const }
        const given = await twenty(() => step((ledger) => ledger.give({ ...referral, ...entry })))
        assert.equal(count(given, 'given'), 1)
        assert.equal(count(given, 'already_given'), 19)
        const orders = Array.from({ length: 7 }, newOrderId)
        for (const [index, order] of orders.entries()) {
          assert.deepEqual(await step(hold(person, order, oneFree)), { kind: 'held' })
          const left = { today: Math.max(0, 4 - index), extra: Math.min(2, 6 - index) }
          assert.deepEqual(await free(person), left)
        }
        assert.deepEqual(await step(hold(person, newOrderId(), oneFree)), { kind: 'no_free_left' })
        for (const order of orders.slice(4, 6)) await step((ledger) => ledger.release({ order, ...entry }))
        assert.deepEqual(await free(person), { today: 1, extra: 1 })
      })

      it('lets first uses of two days and a gift of generations, all at once, not wait for each other in a circle', async () => {
        for (let round = 0; round < 30; round += 1) {
          const person = somebody()
          const gift = { key: `promotion:${person}`, person, gift: { unit: 'GEN', count: generations(1) } as const }
          const holds = Array.from({ length: 18 }, (_, n) =>
            hold(person, newOrderId(), oneFree, n % 2 ? today : tomorrow),
          )
          await Promise.all(
            [...holds.slice(0, 9), (ledger: Ledger) => ledger.give({ ...gift, ...entry }), ...holds.slice(9)].map(
              (work) => books.step<unknown>(work),
            ),
          )
          assert.deepEqual([(await free(person)).today, (await free(person, tomorrow)).today], [0, 0])
        }
      })

      it('takes the number of the day when its account is made; a later change is for later days', async () => {
        const person = somebody()
        await step(hold(person, newOrderId(), oneFree))
        books.setFreeDaily(0)
        assert.deepEqual(await free(person), { today: 4, extra: 0 })
        assert.deepEqual(await step(hold(person, newOrderId(), oneFree, tomorrow)), { kind: 'no_free_left' })
        books.setFreeDaily(5)
      })

      it('captures one whole, and refunds it', async () => {
        const person = somebody()
        const order = newOrderId()
        await step(hold(person, order, oneFree))
        await assert.rejects(
          step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(1) })),
          /has no parts/,
        )
        assert.equal(await step((ledger) => ledger.capture({ order, ...entry })), 'captured')
        assert.equal(await step((ledger) => ledger.release({ order, ...entry })), 'already_captured')
        assert.equal(await step((ledger) => ledger.refund({ order, ...entry })), 'refunded')
        assert.deepEqual(await free(person), { today: 5, extra: 0 })
      })
    })

    describe('reversals', () => {
      it('takes back a top-up that was not spent, once of 20 at once', async () => {
        const person = await funded(30)
        const charge = newCharge()
        await step(topUp(person, 100, charge))
        const answers = await twenty(() => step((ledger) => ledger.reverse({ charge, ...entry })))
        assert.equal(count(answers, 'reversed'), 1)
        assert.equal(count(answers, 'already_reversed'), 19)
        assert.equal(await balance(person), 30)
        assert.equal(await step((ledger) => ledger.debt(person)), 0)
      })

      it('takes back all that a person has without a debt', async () => {
        const person = somebody()
        const charge = newCharge()
        await step(topUp(person, 100, charge))
        assert.equal(await step((ledger) => ledger.reverse({ charge, ...entry })), 'reversed')
        assert.deepEqual([await balance(person), await step((ledger) => ledger.debt(person))], [0, 0])
      })

      it('makes a debt of what was spent, which the next top-ups pay first', async () => {
        const person = somebody()
        const charge = newCharge()
        await step(topUp(person, 100, charge))
        await step(hold(person, newOrderId(), rub(70)))
        assert.equal(await step((ledger) => ledger.reverse({ charge, ...entry })), 'reversed')
        assert.equal(await balance(person), 0)
        assert.equal(await step((ledger) => ledger.debt(person)), 70)
        await step(topUp(person, 50))
        assert.equal(await balance(person), 0)
        assert.equal(await step((ledger) => ledger.debt(person)), 20)
        await step(topUp(person, 50))
        assert.equal(await balance(person), 30)
        assert.equal(await step((ledger) => ledger.debt(person)), 0)
      })

      it('reverses a payment that is handled after its refund, whatever is owed already', async () => {
        const { person, order } = await held(60)
        const [paid, early] = [newCharge(), newCharge()]
        await step(topUp(person, 500, paid))
        await step((ledger) => ledger.reverse({ charge: paid, ...entry }))
        assert.equal(await step((ledger) => ledger.reverse({ charge: early, ...entry })), 'noted_early')
        assert.equal(await step((ledger) => ledger.reverse({ charge: early, ...entry })), 'already_reversed')
        const before = await step((ledger) => ledger.balance(person))
        assert.equal(await step(topUp(person, 70, early)), 'credited_and_reversed')
        assert.equal(await step(topUp(person, 70, early)), 'already_credited')
        assert.equal(await step((ledger) => ledger.reverse({ charge: early, ...entry })), 'already_reversed')
        assert.equal(await step((ledger) => ledger.balance(person)), before)
        await step((ledger) => ledger.release({ order, ...entry }))
        await assertSound(books)
      })

      it('reverses a payment once when it and its refund are handled 20 times at once', async () => {
        for (let round = 0; round < 5; round++) {
          const person = somebody()
          const charge = newCharge()
          const ended = await twenty(async (n) =>
            n % 2 === round % 2
              ? await step(topUp(person, 100, charge))
              : await step((ledger) => ledger.reverse({ charge, ...entry })),
          )
          assert.equal(count(ended, 'credited') + count(ended, 'credited_and_reversed'), 1)
          assert.equal(await step((ledger) => ledger.balance(person)), 0)
          assert.equal(await step((ledger) => ledger.debt(person)), 0)
        }
        await assertSound(books)
      })

      it('lets released, left over and refunded money pay the debt before it can be spent', async () => {
        const ways = {
          release: { price: 60, back: 60 },
          rest: { price: 60, back: 35 },
          refund: { price: 60, back: 60 },
        } as const
        for (const [way, { price, back }] of Object.entries(ways)) {
          const [person, order, charge] = [somebody(), newOrderId(), newCharge()]
          await step(topUp(person, 100, charge))
          await step(hold(person, order, rub(price)))
          if (way === 'refund') await step((ledger) => ledger.capture({ order, ...entry }))
          await step((ledger) => ledger.reverse({ charge, ...entry }))
          assert.equal(await step((ledger) => ledger.debt(person)), price)
          await twenty(() =>
            step(async (ledger) => {
              if (way === 'release') await ledger.release({ order, ...entry })
              else if (way === 'refund') await ledger.refund({ order, ...entry })
              else await ledger.capture({ order, ...entry, amount: kopecks(price - back) })
            }),
          )
          assert.equal(await step((ledger) => ledger.balance(person)), 0, way)
          assert.equal(await step((ledger) => ledger.debt(person)), price - back, way)
          assert.equal(await step((ledger) => ledger.debtPaidBy(order)), back, way)
        }
        await assertSound(books)
      })

      it('leaves what is above the debt to be spent', async () => {
        const [person, order, charge] = [somebody(), newOrderId(), newCharge()]
        await step(topUp(person, 30, charge))
        await step(topUp(person, 70))
        await step(hold(person, order, rub(90)))
        await step((ledger) => ledger.reverse({ charge, ...entry }))
        assert.equal(await step((ledger) => ledger.debt(person)), 20)
        await step((ledger) => ledger.release({ order, ...entry }))
        assert.equal(await step((ledger) => ledger.balance(person)), 70)
        assert.equal(await step((ledger) => ledger.debt(person)), 0)
        await assertSound(books)
      })
    })

    it('lists what moved the money of a person, newest first', async () => {
      const { person, order } = await held(60)
      await step((ledger) => ledger.capture({ order, ...entry, amount: kopecks(25) }))
      await step(hold(person, newOrderId(), oneFree))
      const all = await step((ledger) => ledger.transactionsOf(person, 10))
      assert.deepEqual(
        all.map(({ kind, change }) => [kind, change]),
        [
          ['rest', 35],
          ['hold', -60],
          ['credit', 100],
        ],
      )
      assert.deepEqual(all[1], { kind: 'hold', change: -60, order, ...entry })
      assert.equal((await step((ledger) => ledger.transactionsOf(person, 1))).length, 1)
    })

    it('stays coherent while 20 workers make 500 transfers at random', async () => {
      const choose = chooser('ledger contract')
      const few = await Promise.all(Array.from({ length: 4 }, () => funded(10_000)))
      const orders: OrderId[] = []
      const pick = <T>(from: readonly T[]): T => from[choose(from.length)] ?? assert.fail('nothing to pick from')
      const place = async (person: PersonId) => {
        const order = newOrderId()
        const { kind } = await step(hold(person, order, choose(4) === 0 ? oneFree : rub(1 + choose(899))))
        if (kind === 'held') orders.push(order)
      }
      const settle = (order: OrderId) =>
        step((ledger) => pick([ledger.capture, ledger.release, ledger.refund])({ order, ...entry }))
      const work = async () => {
        for (let done = 0; done < 25; done += 1) {
          await (orders.length === 0 || choose(3) === 0 ? place(pick(few)) : settle(pick(orders)))
        }
      }
      await twenty(work)
      await assertSound(books)
    })

    describe('top-ups', () => {
      const made = async () => {
        const topUp = { id: newTopUpId(), person: somebody(), amount: kopecks(10_000), stars: stars(160) }
        const open = { ...topUp, madeAt: entry.at, state: 'open' } as const
        await books.topUps((topUps) => topUps.add(open))
        return open
      }

      it('keep what was fixed when they were made, and remember their message and payment', async () => {
        const open = await made()
        assert.deepEqual(await books.topUps((topUps) => topUps.get(open.id)), open)
        const sent = { ...open, message: messageId(7) }
        await books.topUps((topUps) => topUps.save({ ...sent, amount: kopecks(1), stars: stars(1) }))
        assert.deepEqual(await books.topUps((topUps) => topUps.get(open.id)), sent)
        const paid = { ...sent, state: 'paid', charge: newCharge() } as const
        await books.topUps((topUps) => topUps.save(paid))
        assert.deepEqual(await books.topUps((topUps) => topUps.get(open.id)), paid)
      })

      it('are paid by one charge each', async () => {
        const charge = newCharge()
        const [one, other] = [await made(), await made()]
        await books.topUps((topUps) => topUps.save({ ...one, state: 'paid', charge }))
        const again = books.topUps((topUps) => topUps.save({ ...other, state: 'paid', charge }))
        await assert.rejects(again, /top_ups_charge_once/)
        await assert.rejects(
          books.topUps((topUps) => topUps.save({ ...other, state: 'paid' })),
          /paid_with_charge/,
        )
      })

      it('are unknown when they were never made', async () => {
        const never = { ...(await made()), id: newTopUpId() }
        assert.equal(await books.topUps((topUps) => topUps.get(never.id)), undefined)
        await assert.rejects(
          books.topUps((topUps) => topUps.save(never)),
          /is not there/,
        )
      })
    })
  })
}
