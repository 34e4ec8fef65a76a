import { keptMs } from '../inbox/inbox.ts'
import { after, type Clock, type Instant } from '../kit/clock.ts'
import { every, type LeaderDuty } from '../lifecycle/duties.ts'

/** What the leader does by the clock: seals the journal once a minute, forgets handled updates after seven days. */
export function createUpkeep({
  sealJournal,
  pruneInbox,
  clock,
}: {
  readonly sealJournal: (at: Instant) => Promise<void>
  readonly pruneInbox: (before: Instant) => Promise<number>
  readonly clock: Clock
}): readonly LeaderDuty[] {
  return [
    every('seal journal', 60_000, clock, () => sealJournal(clock.now())),
    every('prune inbox', 600_000, clock, async (_, signal) => {
      // In portions, so that no statement holds many rows and a stop does not wait for all of them.
      while (!signal.aborted && (await pruneInbox(after(clock.now(), -keptMs))) > 0) await clock.sleep(100, signal)
    }),
  ]
}
