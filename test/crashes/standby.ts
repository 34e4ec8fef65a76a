import assert from 'node:assert/strict'
import type { EventName } from '../../src/telemetry/events.ts'
import { onThisMachine } from '../fixtures/patience.ts'
import { type Person, until } from '../fixtures/person.ts'
import { checkBooks, checkLogsOfTwo } from './books.ts'
import type { End, Times } from './channel.ts'
import { settleInterrupted } from './die.ts'
import { freePicture } from './journeys.ts'
import { endOf, type Life } from './life.ts'
import type { Shop, Wish } from './shop.ts'

/**
 * Drills with several instances on one schema, the same for every authority over who leads. Their leases and heartbeats
 * are shorter than an operator's and in the same proportion, so that nobody waits for them.
 */
export const times: Times = {
  lock: {
    leaseMs: onThisMachine(1_500),
    renewEveryMs: 300,
    freshMs: onThisMachine(1_200),
    waitMs: 400,
    lookEveryMs: 50,
    answerMs: onThisMachine(3_000),
  },
  beats: {
    beatEveryMs: 200,
    freshMs: onThisMachine(1_000),
    silentMs: onThisMachine(1_300),
    lookEveryMs: 200,
  },
}

/** Leads, and has Telegram bring the updates to the other's door, which is open whatever becomes of this one. */
export async function lead(shop: Shop, wish: Wish = {}): Promise<Life> {
  const life = shop.begin({ times, publicPort: shop.otherPort, ...wish })
  await life.works()
  return life
}

export async function standBy(shop: Shop, wish: Wish = {}): Promise<Life> {
  const life = shop.begin({ times, port: shop.otherPort, ...wish })
  await life.tells(/PASSIVE_ENTER/)
  return life
}

export async function isAnswered(person: Person): Promise<void> {
  await person.says('/start')
  await person.sees(/Картинки и дизайн/)
}

/** What a leadership that is taken away explains. */
const troubleOfLoss: readonly EventName[] = [
  'LOCK_LOST',
  'LOCK_HOLDER_ENDED',
  'INSTANCE_REVIVED',
  'DB_CONNECTION_LOST',
  'DISPATCH_FAIL',
  'EXCEPTION_CAUGHT',
  'RESULT_NOT_DELIVERED',
]

/** What only somebody who works tells; the call that was under way when it froze may still have its answer told. */
const working = /\] (DISPATCH_OK|UI_RENDER|ORDER_\w+|KIE_TASK_CREATED|HOLD_\w+|TOPUP_CREDITED) /

/** Where a leader is stopped on somebody's way to a free picture. */
export const frozenAt: readonly End[] = [
  { point: 'left:store.transact', crossing: 6, signal: 'SIGSTOP' },
  { point: 'before:kie.submit', crossing: 1, signal: 'SIGSTOP' },
  { point: 'after:kie.submit', crossing: 1, signal: 'SIGSTOP' },
  { point: 'before:chat.sendFile', crossing: 1, signal: 'SIGSTOP' },
]

/**
 * The leader is stopped at that point, past its lease, and then goes on: it was replaced meanwhile, nothing of it is
 * written any more, it begins nothing, and what it was about to ask of KIE is asked once.
 */
export async function freezeOnTheWay(shop: Shop, end: End, wish: Wish = {}): Promise<void> {
  const frozen = await lead(shop, wish)
  const heir = await standBy(shop, wish)
  const person = await shop.person()
  await frozen.endAt(end)
  const walking = freePicture.walk(person, shop)
  // Waited for in its turn; a drill that fails first says why.
  walking.catch(() => undefined)
  await heir.tells(/ACTIVE_ENTER .*how=takeover/)
  await heir.works()
  const before = frozen.lines.length
  frozen.signal('SIGCONT')
  await frozen.tells(/LOCK_LOST/)
  await frozen.tells(/PASSIVE_ENTER/)
  await settleInterrupted(shop)
  await checkBooks(shop, person, await walking)
  const afterwards = frozen.lines.slice(before).filter((line) => working.test(line))
  assert.deepEqual(afterwards, [], 'whoever was replaced works no more')
  checkLogsOfTwo([frozen, heir], troubleOfLoss)
  // It stands by like any other, and both end well.
  await isAnswered(person)
  await endWell([frozen, heir])
}

export async function endWell(lives: readonly Life[]): Promise<void> {
  for (const life of lives) life.signal('SIGTERM')
  for (const life of lives) {
    assert.deepEqual(await endOf(life), { code: 0, signal: null }, life.lines.slice(-20).join('\n'))
  }
}

/** Of these, exactly one leads in the end. */
export async function oneLeads(lives: readonly Life[]): Promise<Life> {
  const leaders = () => lives.filter((life) => !life.isOver() && leadsNow(life))
  await until(() => leaders().length > 0, 'somebody leads')
  const rest = lives.filter((life) => !leaders().includes(life) && !life.isOver())
  await Promise.all(rest.map((life) => life.tells(/PASSIVE_ENTER/)))
  const [leader, ...more] = leaders()
  assert.ok(leader && more.length === 0, `${leaders().length} lead`)
  return leader
}

function leadsNow({ lines }: Life): boolean {
  const last = lines.findLast((line) => /\] (ACTIVE_ENTER|PASSIVE_ENTER|LOCK_LOST)/.test(line))
  return last?.includes('] ACTIVE_ENTER') ?? false
}
