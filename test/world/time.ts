import type pg from 'pg'
import type { World } from '../fixtures/service.ts'

/** The clocks of a walk: nobody waits for them. */
export type Time = {
  /** What the service takes for the time. */
  now(): number
  /**
   * So much time has passed for the emulators, the service's wall clock and what waits in the queue. What the service
   * measures by its monotonic clock (leases, the pauses of a breaker) goes on as it was.
   */
  passes(ms: number): Promise<void>
  /** The service's wall clock is so far from the true one. */
  setWrong(ms: number): void
}

export function createTime({ controls, shiftClock, schema }: World, db: pg.Client): Time {
  const jobs = `${schema}_jobs`
  const EARLIER = `
    update ${jobs}._private_jobs set run_at = run_at - $1 * interval '1 millisecond' where locked_at is null`
  const WAKE = `select pg_notify('jobs:insert', '{"r":' || random()::text || ',"count":1}')`
  let passedMs = 0
  let wrongMs = 0
  const show = () => shiftClock(passedMs + wrongMs)
  return {
    now: () => Date.now() + passedMs + wrongMs,
    async passes(ms) {
      passedMs += ms
      show()
      await db.query(EARLIER, [ms])
      await db.query(WAKE)
      await controls.advance(ms)
    },
    setWrong(ms) {
      wrongMs = ms
      show()
    },
  }
}
