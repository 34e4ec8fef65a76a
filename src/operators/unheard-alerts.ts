import type { Clock } from '../kit/clock.ts'
import type { PersonId } from '../kit/ids.ts'
import { every, type LeaderDuty } from '../lifecycle/duties.ts'
import type { LeaderPermit } from '../permit.ts'
import type { Store } from '../store.ts'

const lookEveryMs = 10_000

/** Sends an operator what was kept for them, soon after they have pressed Start. */
export function createUnheardAlertsDuty({
  areThere,
  operators,
  store,
  clock,
}: {
  /** Whether an alert waits for one of these operators. */
  readonly areThere: (operators: readonly PersonId[]) => Promise<boolean>
  readonly operators: readonly PersonId[]
  readonly store: Store
  readonly clock: Clock
}): LeaderDuty {
  return every<LeaderPermit>('unheard alerts', lookEveryMs, clock, async (permit) => {
    if (!(await areThere(operators))) return
    await store.transact(permit, async (tx) => {
      const alerts = await tx.unheardAlerts.take(operators)
      await tx.errands.add(
        alerts.map(({ operator, says, cid }) => ({
          errand: { kind: 'tell_operator', what: says, to: operator } as const,
          cid,
        })),
      )
    })
  })
}
