import assert from 'node:assert/strict'
import { type Person, until } from '../fixtures/person.ts'
import { checkBooks, checkLogs, untilQuiet } from './books.ts'
import type { End } from './channel.ts'
import { type Journey, menu } from './journeys.ts'
import { endOf, type Life } from './life.ts'
import type { Shop } from './shop.ts'

/** Who is to die, and who goes on in its place. */
export type Succession = {
  first(shop: Shop): Promise<Life>
  next(shop: Shop): Promise<Life>
  readonly checkLogs: (lives: readonly Life[]) => void
}

/** Each begins when the one before it has died. */
export const oneAtATime: Succession = {
  first: workingLife,
  next: workingLife,
  checkLogs: (lives) => checkLogs(lives),
}

/**
 * Has the first life end on a journey, the next one go on and end further along, and so on; then looks at the books and
 * the logs of all of them. Gives the ends that were not come to, because the journey had gone another way.
 */
async function dieOnJourney(
  shop: Shop,
  journey: Journey,
  ends: readonly End[],
  succession: Succession,
): Promise<readonly End[]> {
  let life = await succession.first(shop)
  const person = await shop.person()
  let walking: ReturnType<Journey['walk']> | undefined
  const notMet: End[] = []
  for (const end of ends) {
    await life.endAt(end)
    walking ??= journey.walk(person, shop)
    // Waited for below; while a life goes on after another, a failure is told by whoever is waited for first.
    walking.catch(() => undefined)
    const hasDied = await Promise.race([life.ended.then(() => true), spared(shop, life, walking)])
    if (!hasDied) {
      notMet.push(end)
      continue
    }
    await endedBy(life, end)
    life = await succession.next(shop)
    await settleInterrupted(shop)
  }
  const asked = await walking
  assert.ok(asked, 'a journey has an end at least')
  await checkBooks(shop, person, asked, ends.length - notMet.length)
  succession.checkLogs(shop.lives)
  return notMet
}

/** The same, and alone at each end that an earlier one has led the journey past; gives those that were not met then. */
export async function dieAtEach(
  inShop: <T>(work: (shop: Shop) => Promise<T>) => Promise<T>,
  journey: Journey,
  ends: readonly End[],
  succession: Succession = oneAtATime,
): Promise<readonly End[]> {
  const notMet = await inShop((shop) => dieOnJourney(shop, journey, ends, succession))
  if (ends.length === 1) return notMet
  const alone: (readonly End[])[] = []
  for (const end of notMet) alone.push(await inShop((shop) => dieOnJourney(shop, journey, [end], succession)))
  return alone.flat()
}

/** Resolves with false when all is done and the life goes on; never when it has ended meanwhile. */
async function spared(shop: Shop, life: Life, walking: Promise<unknown>): Promise<boolean> {
  await walking
  await untilQuiet(shop)
  if (life.isOver() || !(await life.spare())) return await new Promise<never>(() => {})
  return false
}

/** Has starts end on their way, one after the other, and the next one answer whoever wrote meanwhile. */
export async function dieOnBoot(shop: Shop, ends: readonly End[]): Promise<void> {
  const person = await writeMeanwhile(shop)
  for (const end of ends) await endedBy(shop.begin({ end }), end)
  await answers(shop, person)
}

/** Has lives die on their way out, one after the other, and the next one answer whoever wrote meanwhile. */
export async function dieOnTheWayOut(shop: Shop, ends: readonly End[]): Promise<void> {
  for (const end of ends) {
    const life = await workingLife(shop)
    await life.endAt(end)
    life.signal('SIGTERM')
    await endedBy(life, end)
  }
  await answers(shop, await writeMeanwhile(shop))
}

/** The newest life; a new one when that is over. */
export async function workingLife(shop: Shop): Promise<Life> {
  const newest = shop.lives.at(-1)
  const life = newest === undefined || newest.isOver() ? shop.begin() : newest
  await life.works()
  return life
}

/** Nobody writes to a bot that has never been there. */
async function writeMeanwhile(shop: Shop): Promise<Person | undefined> {
  if (shop.lives.length === 0) return undefined
  const newest = shop.lives.at(-1)
  newest?.signal('SIGKILL')
  await newest?.ended
  const person = await shop.person()
  await person.says('/start')
  return person
}

async function answers(shop: Shop, meanwhile: Person | undefined): Promise<void> {
  await workingLife(shop)
  await patienceIsOver(shop)
  if (meanwhile !== undefined) await meanwhile.sees(/Картинки и дизайн/)
  const person = await shop.person()
  await checkBooks(shop, person, await menu.walk(person, shop))
  checkLogs(shop.lives)
}

async function endedBy(life: Life, { point, signal }: End): Promise<void> {
  const ending = await endOf(life)
  if (signal === 'SIGKILL') {
    assert.deepEqual(ending, { code: null, signal }, `it ends at ${point}`)
    return
  }
  assert.deepEqual(ending, { code: 0, signal: null }, `SIGTERM at ${point} ends well`)
  assert.match(life.lines.at(-1) ?? '', /SHUTDOWN_DONE/)
}

/** What a death or a freeze has interrupted goes on, as soon as somebody works. */
export async function settleInterrupted(shop: Shop): Promise<void> {
  await patienceIsOver(shop)
  await settleUncertain(shop)
}

/** What found nobody comes again after some seconds, which Telegram need not wait for here. */
export const patienceIsOver = ({ controls }: Shop) => controls.advance(3_000)

/**
 * An order that died on its way to KIE waits: for a callback when KIE has its task, for its deadline when it has not.
 * The callback that found nobody comes again after one, five and fifteen minutes of KIE, and the quarter of an hour of
 * the order is over at once.
 */
async function settleUncertain({ db, controls }: Shop): Promise<void> {
  const UNSURE = `
    select id, status, body->'order'->'values'->>'prompt' as prompt
      from orders where status in ('submitting', 'uncertain')`
  const unsure = async () => (await db.query<{ id: string; status: string; prompt: string }>(UNSURE)).rows[0]
  await until(async () => (await unsure())?.status !== 'submitting', 'an interrupted submit is uncertain')
  const uncertain = await unsure()
  if (uncertain === undefined) return
  const taken = async () => (await controls.tasks()).find(({ input }) => input['prompt'] === uncertain.prompt)
  if ((await taken()) === undefined) {
    const PASS = `
      update orders set body = jsonb_set(body, '{order,since}', to_jsonb((body->'order'->>'since')::bigint - 960000))
       where id = $1 and status = 'uncertain'`
    await db.query(PASS, [uncertain.id])
    return
  }
  await until(async () => ((await taken())?.callbacks.length ?? 0) > 0, 'KIE has called back')
  if ((await unsure()) !== undefined) await controls.advance(901_000)
}
