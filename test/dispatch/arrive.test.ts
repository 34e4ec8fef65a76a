import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { encodeAddress } from '../../src/conversation/address-codec.ts'
import { instant } from '../../src/kit/clock.ts'
import { chatId } from '../../src/kit/ids.ts'
import { until } from '../fixtures/person.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openWorker } from './worker.ts'

/** Updates that are handled on their arrival, from the door to the chat, on a real database. */
const storage = await openStorage()
const { database, rows, store, permit } = storage
let updates = 0
let people = 0

type Somebody = { readonly id: number; readonly name: string }
type Update = { readonly update_id: number }

const from = ({ id, name }: Somebody) => ({ id, is_bot: false, first_name: name, language_code: 'en' })
const chatOf = ({ id }: Somebody) => ({ id, type: 'private' })

function says(who: Somebody, text: string): Update {
  updates += 1
  return {
    update_id: updates,
    ...{ message: { message_id: 1_000 + updates, date: 1, text, chat: chatOf(who), from: from(who) } },
  }
}

/** A press of a button of this message. */
function taps(who: Somebody, message: number, data: string): Update {
  updates += 1
  const tapped = { message_id: message, date: 1, text: 'a screen', chat: chatOf(who) }
  const query = { id: `tap-${updates}`, from: from(who), chat_instance: '1', data, message: tapped }
  return { update_id: updates, ...{ callback_query: query } }
}

type SessionRow = {
  revision: number
  shown: number
  screen: string
  message: number
  show_at: number | null
}
async function session({ id }: Somebody): Promise<SessionRow> {
  const [row] = await rows<SessionRow>(
    `select revision, shown_revision as shown, view->>'screen' as screen, message, show_at from sessions where chat = $1`,
    [id],
  )
  return row ?? assert.fail(`there is no conversation with ${id}`)
}

type ItemRow = { finished: boolean; shelved: boolean; failures: number; claimed: boolean }
const items = ({ update_id: id }: Update) =>
  rows<ItemRow>(
    `select finished_at is not null as finished, shelved_at is not null as shelved, attempts as failures,
            claimed_by is not null as claimed from inbox where update_id = $1`,
    [id],
  )
const untilFinished = (update: Update) =>
  until(async () => (await items(update))[0]?.finished === true, 'the update is finished')
const untilShown = (who: Somebody) =>
  until(async () => {
    const { revision, shown } = await session(who)
    return shown >= revision
  }, 'the newest screen is noted as shown')

/** The answer to a tap, when a step has left it to the errands. */
const answersInQueue = async ({ update_id: id }: Update) =>
  (await rows(`select 1 from ${storage.schema}_jobs._private_jobs where payload->'errand'->>'tap' = $1`, [`tap-${id}`]))
    .length

/** While nothing can be stored; reads go on. */
async function whileNothingIsStored(work: () => Promise<void>): Promise<void> {
  const blocker = await database.connect('blocker')
  await blocker.query('begin; lock table inbox in share row exclusive mode')
  try {
    await work()
  } finally {
    await blocker.query('rollback')
    await blocker.end()
  }
}
const untilCommitWaits = () =>
  until(async () => {
    const waiting = await rows(
      `select 1 from pg_stat_activity
        where application_name like $1 and wait_event_type = 'Lock' and query like '%/* store %'`,
      [`trt ${storage.schema}%`],
    )
    return waiting.length > 0
  }, 'the commit has begun')

/** As a step does that runs beside: a file was checked, say. */
const move = ({ id }: Somebody) =>
  store.transact(permit, async (tx) => {
    const kept = (await tx.sessions.lock(chatId(id))) ?? assert.fail()
    const revision = kept.session.revision + 1
    const moved = { ...kept, session: { ...kept.session, revision }, shownRevision: revision }
    await tx.sessions.save(moved, instant(1))
  })

describe('an update that arrives', () => {
  let instance = openWorker(storage)
  beforeEach(() => {
    instance = openWorker(storage)
    instance.begin()
  })
  afterEach(async () => {
    instance.state.afterRead = async () => {}
    await instance.end().catch(() => undefined)
  })

  /** The clock goes on meanwhile. */
  const untilInTime = (holds: () => Promise<boolean>, what: string) =>
    until(async () => {
      await instance.clock.advance(500)
      return await holds()
    }, what)

  /** Somebody with the menu before them; what was called until then is forgotten. */
  async function somebody(name = 'Anna'): Promise<Somebody & { readonly menu: number }> {
    people += 1
    const who = { id: people, name }
    const start = says(who, '/start')
    assert.equal(await instance.deliver(start), 'accepted')
    await untilFinished(start)
    await untilShown(who)
    instance.calls.length = 0
    return { ...who, menu: (await session(who)).message }
  }

  it('is committed with its effect: the edit of the tapped message and the answer to the tap leave before the commit', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    let delivered: Promise<string> | undefined
    await whileNothingIsStored(async () => {
      delivered = instance.deliver(tap)
      await until(() => instance.calls.length === 2, 'both calls have left')
      assert.deepEqual(instance.drawn(), ['edit balance'])
      assert.deepEqual(instance.taps(), [`tap-${tap.update_id}`])
      assert.deepEqual(await items(tap), [])
      assert.equal((await session(anna)).screen, 'main_menu')
    })
    assert.equal(await delivered, 'accepted')
    const [item] = await items(tap)
    assert.equal(item?.finished, true, 'it is acknowledged as a finished one')
    const { revision, screen } = await session(anna)
    assert.deepEqual([revision, screen], [2, 'balance'])
    await untilShown(anna)
    assert.equal(instance.calls.length, 2)
    assert.equal(await answersInQueue(tap), 0)
  })

  it('and taps an older message is drawn over that one', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu + 500, 'check_balance')
    await instance.deliver(tap)
    await untilShown(anna)
    assert.deepEqual(instance.drawn(), ['edit balance'])
    assert.equal((await session(anna)).message, anna.menu + 500)
  })

  it('and needs a new message waits for its commit: nothing is sent before', async () => {
    const anna = await somebody()
    let delivered: Promise<string> | undefined
    await whileNothingIsStored(async () => {
      delivered = instance.deliver(says(anna, 'hello'))
      await untilCommitWaits()
      assert.deepEqual(instance.calls, [])
    })
    assert.equal(await delivered, 'accepted')
    await untilShown(anna)
    assert.deepEqual(instance.drawn(), ['send main_menu'])
  })

  it('and draws nothing leaves the saved screen as it is', async () => {
    const anna = await somebody()
    const before = await session(anna)
    const tap = taps(anna, anna.menu, encodeAddress({ at: 'nowhere' }))
    await instance.deliver(tap)
    await untilFinished(tap)
    const { revision, screen, message } = await session(anna)
    assert.deepEqual({ revision, screen, message }, { revision: 2, screen: before.screen, message: before.message })
    assert.deepEqual(instance.drawn(), [])
    assert.deepEqual(instance.taps(), [`tap-${tap.update_id}`])
  })

  it('a second time is a duplicate: no call is made and no row is written', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    await instance.deliver(tap)
    await untilShown(anna)
    const before = await session(anna)
    instance.calls.length = 0
    assert.equal(await instance.deliver(tap), 'accepted')
    assert.deepEqual(instance.calls, [])
    assert.equal((await items(tap)).length, 1)
    assert.deepEqual(await session(anna), before)
    assert.equal(instance.fieldsOf('UPDATE_RECEIVED').at(-1)?.['duplicate'], true)
  })

  it('twice at once has one effect', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    assert.deepEqual(await Promise.all([instance.deliver(tap), instance.deliver(tap)]), ['accepted', 'accepted'])
    await untilFinished(tap)
    await untilShown(anna)
    assert.equal((await session(anna)).revision, 2)
    assert.equal((await items(tap)).length, 1)
    assert.deepEqual([...new Set(instance.drawn())], ['edit balance'])
  })

  it('while another one of its lane is in hand is stored and handled after it, in order', async () => {
    const anna = await somebody()
    // Long enough for the ones behind it to be stored.
    instance.state.beforeRead = async () => {
      for (let n = 0; n < 20; n++) await rows('select 1')
    }
    const all = ['check_balance', 'menu:help', 'back_to_menu'].map((data) => taps(anna, anna.menu, data))
    await Promise.all(all.map((tap) => instance.deliver(tap)))
    await Promise.all(all.map(untilFinished))
    await untilShown(anna)
    const { revision, screen } = await session(anna)
    assert.deepEqual([revision, screen], [4, 'main_menu'])
    const order = await rows<{ id: number }>('select update_id as id from inbox where lane = $1 order by id', [
      `p:${anna.id}`,
    ])
    assert.deepEqual(
      order.slice(1).map(({ id }) => id),
      all.map(({ update_id: id }) => id),
    )
    assert.equal(instance.drawn()[0], 'edit balance')
    assert.equal(instance.drawn().at(-1), 'edit main_menu')
  })

  it('while an earlier one of its lane waits is only stored: no call is made', async () => {
    const anna = await somebody()
    const late = says(anna, 'hello')
    await rows(
      `insert into inbox (bot, update_id, lane, kind, cid, body, received_at, not_before)
       values (1, $1, $2, 'message', 'abc123ff', $3, 1, $4)`,
      [late.update_id, `p:${anna.id}`, JSON.stringify(late), instance.clock.now() + 30_000],
    )
    const tap = taps(anna, anna.menu, 'check_balance')
    assert.equal(await instance.deliver(tap), 'accepted')
    assert.deepEqual(instance.calls, [])
    const [item] = await items(tap)
    assert.equal(item?.finished, false)
    await untilInTime(async () => (await items(tap))[0]?.finished === true, 'both are handled')
    assert.equal((await items(late))[0]?.finished, true)
    await untilShown(anna)
    assert.equal((await session(anna)).screen, 'balance')
  })

  it('and whose conversation moves before the commit is stored unfinished, handled again, and drawn', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    let moves = 0
    instance.state.afterRead = async () => {
      moves += 1
      if (moves === 1) await move(anna)
    }
    assert.equal(await instance.deliver(tap), 'accepted')
    await untilFinished(tap)
    await untilShown(anna)
    const { revision, screen } = await session(anna)
    assert.deepEqual([revision, screen], [3, 'balance'])
    assert.deepEqual(instance.drawn(), ['edit balance', 'edit balance'])
    assert.deepEqual(instance.events('DISPATCH_FAIL'), [])
    assert.equal(instance.events('CALLBACK_ACCEPTED').length, 1, 'one of the two is told')
  })

  it('and whose conversation another step has locked is stored without waiting for it', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    const [locked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const step = store.transact(permit, async (tx) => {
      await tx.sessions.lock(chatId(anna.id))
      locked.resolve()
      await release.promise
    })
    await locked.promise
    assert.equal(await instance.deliver(tap), 'accepted')
    assert.equal((await items(tap))[0]?.finished, false)
    release.resolve()
    await step
    await untilFinished(tap)
    await untilShown(anna)
    assert.deepEqual((await session(anna)).screen, 'balance')
  })

  it('calls nobody when the right to work may be over', async () => {
    const anna = await somebody()
    instance.state.isFresh = false
    const stored = taps(anna, anna.menu, 'check_balance')
    assert.equal(await instance.deliver(stored), 'accepted')
    assert.equal((await items(stored))[0]?.finished, false)
    assert.deepEqual(instance.calls, [])
  })

  it('calls nobody when the right to work may be over since the read; what was saved is shown later', async () => {
    const anna = await somebody()
    instance.state.afterRead = async () => {
      instance.state.isFresh = false
    }
    const tap = taps(anna, anna.menu, 'check_balance')
    assert.equal(await instance.deliver(tap), 'accepted')
    assert.deepEqual(instance.calls, [])
    const { revision, shown, show_at: due } = await session(anna)
    assert.deepEqual([revision, shown], [2, 1])
    assert.ok(due !== null && due > instance.clock.now(), 'it is due to be shown')
  })

  it('when the right to work is over is stored and waits: nothing of its effect is saved', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    instance.state.afterRead = async () => {
      await rows('update instances set incarnation = 2 where instance = $1', [storage.instance])
    }
    try {
      assert.equal(await instance.deliver(tap), 'accepted')
      assert.equal((await items(tap))[0]?.finished, false)
      assert.equal((await session(anna)).revision, 1)
      await assert.rejects(instance.end(), /permit is over/)
      instance.begin({ ...storage.worker, incarnation: 2 })
      await untilFinished(tap)
      await untilShown(anna)
      assert.equal((await session(anna)).screen, 'balance')
      await instance.end()
    } finally {
      await rows('update instances set incarnation = 1 where instance = $1', [storage.instance])
    }
  })

  it('in which our code throws is counted by the step, tried again, and set aside after five attempts', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    instance.state.shopFault = new TypeError('a bug of ours')
    assert.equal(await instance.deliver(tap), 'accepted')
    await untilInTime(async () => (await items(tap))[0]?.shelved === true, 'it is set aside')
    assert.equal((await items(tap))[0]?.failures, 4)
    assert.equal(instance.events('DISPATCH_FAIL').length, 5)
    assert.deepEqual(instance.calls, [])
    instance.state.shopFault = undefined
    await instance.deliver(taps(anna, anna.menu, 'menu:help'))
    await untilShown(anna)
    assert.equal((await session(anna)).screen, 'help', 'its lane goes on')
  })

  it('and cannot be committed is left to Telegram, which brings it again: it is handled once', async () => {
    const anna = await somebody()
    const tap = taps(anna, anna.menu, 'check_balance')
    await whileNothingIsStored(async () => {
      const delivered = instance.deliver(tap)
      await untilCommitWaits()
      await storage.cut(/store and save/)
      assert.equal(await delivered, 'later')
    })
    assert.deepEqual(await items(tap), [])
    assert.equal((await session(anna)).revision, 1)
    assert.equal(await instance.deliver(tap), 'accepted')
    await untilShown(anna)
    const { revision, screen } = await session(anna)
    assert.deepEqual([revision, screen], [2, 'balance'])
    assert.deepEqual(instance.drawn(), ['edit balance', 'edit balance'])
  })

  it('is stored, and handled by a step, when the read on arrival is not answered', async () => {
    const anna = await somebody()
    const answer = Promise.withResolvers<void>()
    instance.state.beforeRead = () => answer.promise
    const tap = taps(anna, anna.menu, 'check_balance')
    const delivered = instance.deliver(tap)
    await instance.clock.advance(500)
    assert.equal(await delivered, 'accepted')
    await untilFinished(tap)
    await untilShown(anna)
    answer.resolve()
    assert.deepEqual(instance.drawn(), ['edit balance'])
  })

  it('of a person who changed their name is handled by a step: no call is made before its commit', async () => {
    const anna = await somebody()
    const renamed = { ...anna, name: 'Anne' }
    const tap = taps(renamed, anna.menu, 'check_balance')
    let delivered: Promise<string> | undefined
    await whileNothingIsStored(async () => {
      delivered = instance.deliver(tap)
      await untilCommitWaits()
      assert.deepEqual(instance.calls, [])
    })
    assert.equal(await delivered, 'accepted')
    await untilFinished(tap)
    await untilShown(anna)
    assert.deepEqual(instance.drawn(), ['edit balance'])
    const [person] = await rows<{ name: string }>('select first_name as name from people where id = $1', [anna.id])
    assert.equal(person?.name, 'Anne')
    assert.equal(await answersInQueue(tap), 1)
  })
})
