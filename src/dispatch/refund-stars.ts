import type { Clock } from '../kit/clock.ts'
import type { ChargeId, Cid, PersonId } from '../kit/ids.ts'
import type { Permit } from '../permit.ts'
import type { Store, Tx } from '../store.ts'
import { emitTakenBack } from './take-back.ts'

/** Whose Stars are given back by hand. */
export type StarRefund = { readonly charge: ChargeId; readonly person: PersonId }

/**
 * The steps of giving Stars back by hand: before Telegram is called, after it did it, and after it refused. Telegram's own
 * message about the refund may be handled before any of them; then they find everything done.
 */
export function createStarRefunds({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  async function refuse(tx: Tx, { charge, person }: StarRefund, why: string, cid: Cid): Promise<void> {
    const asked = await tx.refunds.lock({ what: 'payment', id: charge })
    if (asked !== undefined) await tx.refunds.save({ ...asked, state: 'refused' })
    const what = `The Stars of charge ${charge} were not given back to person ${person}: ${why}`
    await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
  }

  return {
    /** Whether Telegram is to be called. What was spent since it was asked is not given back, unless that is forced. */
    async mayBegin(permit: Permit, refund: StarRefund, cid: Cid): Promise<boolean> {
      return await store.transact(permit, async (tx) => {
        const { charge, person } = refund
        const asked = await tx.refunds.lock({ what: 'payment', id: charge })
        const payment = await tx.ledger.payment(charge)
        if (payment?.isReversed === true) return false
        if (asked === undefined || asked.isForced || payment === undefined) return true
        if ((await tx.ledger.balance(person)) >= payment.amount) return true
        await refuse(
          tx,
          refund,
          `what they bought is spent. trt refund payment ${charge} --force makes a debt of it.`,
          cid,
        )
        return false
      })
    },

    /** Telegram has given them back: the money goes, once, and both sides are told. */
    async done(permit: Permit, { charge, person: id }: StarRefund, cid: Cid): Promise<void> {
      await store.transact(permit, async (tx) => {
        const payment = await tx.ledger.payment(charge)
        const reversed = await tx.ledger.reverse({ charge, at: clock.now(), cid })
        if (payment === undefined || reversed !== 'reversed') return
        const language = (await tx.people.get(id))?.language ?? 'ru'
        await emitTakenBack(tx, { id, language }, { charge, stars: payment.stars }, cid)
      })
    },

    /** Telegram has refused for good. */
    async refused(permit: Permit, refund: StarRefund, why: string, cid: Cid): Promise<void> {
      await store.transact(permit, (tx) => refuse(tx, refund, why, cid))
    },
  }
}
export type StarRefunds = ReturnType<typeof createStarRefunds>
