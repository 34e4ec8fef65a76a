import type { What } from '../inbox/update.ts'
import type { Instant } from '../kit/clock.ts'
import type { Cid, PersonId } from '../kit/ids.ts'
import type { Tx } from '../store.ts'

/** Stars that Telegram gave back, without us or by our own refund: the money they bought goes too. */
export async function takeBack(
  tx: Tx,
  person: PersonId,
  { charge, totalAmount }: Extract<What, { type: 'refunded_payment' }>,
  cid: Cid,
  at: Instant,
): Promise<void> {
  const reversed = await tx.ledger.reverse({ charge, at, cid })
  if (reversed === 'already_reversed') return
  const end =
    reversed === 'reversed'
      ? 'What they bought was taken back.'
      : 'No such payment is known, so nothing was taken back.'
  const what = `Telegram gave ${totalAmount} Stars back to person ${person} (charge ${charge}). ${end}`
  await tx.errands.add([{ errand: { kind: 'tell_operator', what }, cid }])
}
