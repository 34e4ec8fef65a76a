import type { Facts } from '../telemetry/facts.ts'
import type { Loss, Losses } from './loss.ts'

/** Adds a loss to what is kept, and tells of it once the step has committed; one that is known is not told again. */
export async function recordLoss(losses: Losses, loss: Loss, facts: Pick<Facts, 'add'>): Promise<void> {
  if (!(await losses.add(loss))) return
  const { cause, cid, order, result, credits, kopecks, detail } = loss
  facts.add((t) =>
    t.emit('LOSS_RECORDED', {
      cid,
      cause,
      ...(order === undefined ? {} : { order_id: order }),
      ...(result === undefined ? {} : { result }),
      ...(credits === undefined ? {} : { credits }),
      ...(kopecks === undefined ? {} : { kopecks }),
      detail,
    }),
  )
}
