import assert from 'node:assert/strict'
import type { Message, Person } from '../fixtures/person.ts'
import type { World } from '../fixtures/service.ts'
import { describes, topsUp } from './steps.ts'

/** Paid orders of people who had 50 ₽, at 2.55 ₽ each, and the two ends that an order may have. */
export type Placed = { readonly person: Person; readonly order: string }
export type Fields = { readonly [name: string]: unknown }

export const ofOrder = (order: string) => (fields: Fields) => fields['order_id'] === order

export function ordersIn({ log, person: meet }: World) {
  /** The cids of everything this person did. */
  function cidsOf(person: Person): ReadonlySet<string> {
    const mine = log.events.filter(
      ({ event, fields }) => event === 'UPDATE_RECEIVED' && fields['user_id'] === person.id,
    )
    return new Set(mine.map(({ fields }) => String(fields['cid'])))
  }

  /** The newest order of a person; waits for the first. */
  async function newestOf(person: Person): Promise<string> {
    const isTheirs = ({ cid }: Fields) => cidsOf(person).has(String(cid))
    const first = await log.until('ORDER_PLACED', isTheirs)
    const newest = log.events.findLast(({ event, fields }) => event === 'ORDER_PLACED' && isTheirs(fields))
    return String((newest?.fields ?? first)['order_id'])
  }

  return {
    cidsOf,

    /** How many orders this person has placed. */
    countOf(person: Person): number {
      const cids = cidsOf(person)
      return log.count('ORDER_PLACED', ({ cid }) => cids.has(String(cid)))
    },

    newestOf,

    /** Somebody new tops up and presses the button that costs 2.55 ₽. */
    async places(prompt: string): Promise<Placed> {
      const person = await meet('Анна')
      await topsUp(person)
      await describes(person, 'Seedream 5.0 Flash', prompt)
      await person.taps('Запустить')
      return { person, order: await newestOf(person) }
    },

    /** The order ended without a charge: the person was told why and with which code, and has all of their money. */
    async isGivenBack({ person, order }: Placed, why: RegExp): Promise<Message> {
      const told = await person.sees(why)
      const { cid } = await log.until('HOLD_RELEASED', ofOrder(order))
      assert.match(told.text ?? '', /Ничего не списано: 2,55 ₽ снова на балансе\./)
      assert.match(told.text ?? '', new RegExp(`Код: ${String(cid)}`))
      assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 0)
      await person.says('/balance')
      await person.sees(/💳 50 ₽/)
      return told
    },

    /** The picture came, once, and was paid once. */
    async isPaidOnce({ person, order }: Placed): Promise<void> {
      const receipt = await person.getsReceipt()
      assert.match(receipt.text ?? '', /Оплачено 2,55 ₽, на балансе 47,45 ₽/)
      await log.until('ORDER_COMPLETED', ofOrder(order))
      await person.sees(/✅ Готово/)
      await person.says('/balance')
      await person.sees(/💳 47,45 ₽/)
      assert.equal(person.chat().filter(({ photo }) => photo).length, 1)
      assert.equal(log.count('HOLD_CAPTURED', ofOrder(order)), 1)
    },
  }
}
