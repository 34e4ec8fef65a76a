import { until } from '../fixtures/person.ts'
import { checkBooks, checkLogs } from './books.ts'
import type { Crossings } from './channel.ts'
import type { Journey } from './journeys.ts'
import type { Life } from './life.ts'
import type { Shop } from './shop.ts'

/** What is crossed when nobody dies: by a start, by each journey, and on the way out. */
export type Recorded = {
  /** Everything that can be read off the ports. */
  readonly points: readonly string[]
  readonly boot: readonly string[]
  readonly journeys: ReadonlyMap<Journey, Crossings>
  readonly wayOut: readonly string[]
}

/** What a start crosses and journeys cross again; all else that a start crosses is of the start, or goes by the clock. */
const crossedAgain = ['store.transact', 'claims.claim', 'claims.nextDueAt', 'chat.getUpdates']

/** The points that a start crosses until it takes in hand whatever waits. */
export async function recordBoot(life: Life): Promise<ReadonlySet<string>> {
  await life.works()
  const boot = new Set<string>()
  const hasStarted = async () => {
    for (const point of Object.keys(await life.count())) boot.add(point)
    // The hands of the errands are the last thing that a start gets ready.
    return boot.has('after:engine.start')
  }
  await until(hasStarted, 'errands are carried out')
  return boot
}

export async function record(shop: Shop, journeys: readonly Journey[]): Promise<Recorded> {
  const life = shop.begin()
  const points = await life.points()
  const boot = new Set(await recordBoot(life))

  const crossings = new Map<Journey, Crossings>()
  for (const journey of journeys) {
    const person = await shop.person()
    await checkBooks(shop, person, await journey.walk(person, shop))
    const crossed = Object.entries(await life.count())
    for (const [point] of crossed) if (isOfBoot(boot, point)) boot.add(point)
    crossings.set(journey, Object.fromEntries(crossed.filter(([point]) => !boot.has(point) || isCrossedAgain(point))))
  }
  checkLogs(shop.lives)

  life.signal('SIGTERM')
  await life.ended
  const before = new Set([...boot, ...[...crossings.values()].flatMap((each) => Object.keys(each))])
  const wayOut = Object.keys(life.lastCount()).filter((point) => !before.has(point))
  return { points, boot: [...boot], journeys: crossings, wayOut }
}

/** Crossed by the start, or begun by it: what is asked every minute is under way at some journey or other. */
function isOfBoot(boot: ReadonlySet<string>, point: string): boolean {
  const [moment, way = ''] = point.split(':')
  return !isCrossedAgain(point) && moment === 'after' && boot.has(`before:${way}`)
}

const isCrossedAgain = (point: string) => crossedAgain.includes(point.split(':')[1] ?? '')

export const everything = ({ boot, journeys, wayOut }: Recorded): ReadonlySet<string> =>
  new Set([...boot, ...wayOut, ...[...journeys.values()].flatMap((each) => Object.keys(each))])
