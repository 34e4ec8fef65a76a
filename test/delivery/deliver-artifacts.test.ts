import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { receiptView } from '../../src/conversation/order-views.ts'
import { plain as plainText } from '../../src/conversation/rich.ts'
import { textsFor } from '../../src/conversation/texts/texts-for.ts'
import type { View } from '../../src/conversation/view.ts'
import type { ArtifactFile, ArtifactNo } from '../../src/delivery/artifact-source.ts'
import type { ChatGateway, ChatNo } from '../../src/delivery/chat-gateway.ts'
import { createDeliver } from '../../src/delivery/deliver-artifacts.ts'
import { createPacing } from '../../src/delivery/pacing.ts'
import { createRefused } from '../../src/delivery/refused.ts'
import { createSmallErrands } from '../../src/delivery/small-errands.ts'
import { createTellOperator } from '../../src/delivery/tell-operators.ts'
import { noteUnblocked } from '../../src/dispatch/note-blocked.ts'
import type { Settled } from '../../src/errands/runner.ts'
import { chatId, fileId, kieTaskId, messageId, type OrderId } from '../../src/kit/ids.ts'
import { done, later, never, type Outcome, unknown } from '../../src/kit/outcome.ts'
import type { Observation } from '../../src/orders/decide.ts'
import type { Order } from '../../src/orders/order.ts'
import { createRecordObservation } from '../../src/orders/record-observation.ts'
import { inTransaction } from '../../src/storage/postgres/store.ts'
import { verifyShop } from '../../src/storage/postgres/verify-ledger.ts'
import { chooser, shuffled } from '../fixtures/seed.ts'
import { openStorage } from '../fixtures/storage.ts'
import { openShop, priceKopecks } from '../generation/shop.ts'

/** What is brought of an order, when, and what is paid for it: on a real database, with a clock that the test moves. */
const storage = await openStorage()
const { store, permit } = storage
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const png: ArtifactFile = { bytes: new Uint8Array([1]), mime: 'image/png', width: 10, height: 10 }
const emptyView: View = { screen: 'result', text: [], keyboard: [] }

type Fetched = Outcome<ArtifactFile, ArtifactNo>
const dead: Fetched = never('gone', 'HTTP 404')

function open() {
  const shop = openShop(storage)
  const { clock, telemetry } = shop
  /** What the address of each result gives; the picture where nothing is said. */
  const files = new Map<string, Fetched>()
  /** What the next calls to Telegram end with; the usual end where nothing is said. */
  const answers: (Outcome<never, ChatNo> | undefined)[] = []
  const said: string[] = []
  let messages = 100
  const answer = <T>(what: string, usual: (message: number) => T): Outcome<T, ChatNo> => {
    const next = answers.shift()
    said.push(next === undefined ? what : `${what}: ${next.kind}`)
    return next ?? done(usual(++messages))
  }
  const sentFile = (as: 'photo' | 'document') => (n: number) => ({
    message: messageId(n),
    file: fileId(`${as}-${n}`),
    as,
  })
  const chat: Pick<ChatGateway, 'send' | 'edit' | 'sendFile' | 'sendAgain' | 'sayBusy'> = {
    send: async (_, view) => answer(`send ${plainText(view.text)}`, (n) => ({ message: messageId(n) })),
    edit: async (_, message, view) => answer(`edit ${plainText(view.text)}`, () => ({ message })),
    sendFile: async (_chat, file, as, view) =>
      answer(`${as} ${file.name.split('-')[1]}${view.text.length > 0 ? ` ${plainText(view.text)}` : ''}`, sentFile(as)),
    sendAgain: async (_chat, file, as) => answer(`again ${as} ${file}`, sentFile(as)),
    sayBusy: async () => done(true),
  }
  const common = { store, clock, telemetry, random: () => 0 }
  const record = createRecordObservation(common)
  const pacing = createPacing({ ...common, breaker: { waitMs: () => undefined } })
  const refused = createRefused({ ...common, shop: 'shop' })
  const artifacts = { fetch: async (url: string) => files.get(url) ?? done(png) }
  const receipt = async (_: unknown, order: Order): Promise<View> => {
    const { text } = receiptView({ now: clock.now(), order, offer: undefined, texts: textsFor('en') })
    return { screen: 'result', text: [plainText(text).split('\n\n').at(-1) ?? ''], keyboard: [] }
  }
  const words = { receipt, lateGift: async (): Promise<View> => ({ ...emptyView, text: ['a late gift'] }) }
  const deliver = createDeliver({ ...common, record, chat, artifacts, words, pacing, refused })
  const { send_again: sendAgain } = createSmallErrands({
    ...common,
    record,
    chat: { ...chat } as ChatGateway,
    artifacts,
    pacing,
    refused,
    texts: {
      invoice: async () => ({ title: '', description: '', label: '' }),
      receipt,
      noOriginal: async (_permit, _order, why) => ({ ...emptyView, text: [why] }),
      noResult: async (_permit, _order, why) => ({ ...emptyView, text: [`result ${why}`] }),
    },
    examine: async () => ({ verdict: 'picture', bytes: 1, width: 10, height: 10 }),
    fileChecked: async () => {},
    starRefunds: { mayBegin: async () => true, done: async () => {}, refused: async () => {} },
    starTransactions: async () => done([]),
    operators: [],
    tellOperator: createTellOperator({ chat, telemetry }),
  })

  /** Somebody has paid for so many pictures, and KIE made so many. */
  async function made(ordered: number, results = ordered) {
    const { id, person } = await shop.places({ ordered })
    const task = kieTaskId('task')
    const urls = Array.from({ length: results }, (_, n) => `https://kie.test/${n + 1}.png`)
    await shop.record(id, { type: 'submit_begun', at: clock.now() })
    await shop.record(id, { type: 'submit_accepted', task, at: clock.now() })
    await shop.record(id, { type: 'task_succeeded', task, artifacts: urls, at: clock.now() })
    let repeats = 0
    let due: Settled = { againAt: clock.now() }
    const next = async (): Promise<Settled> => {
      due = await deliver({ order: id, chat: chatId(person) }, { cid: shop.story, permit, repeats })
      repeats = due === 'settled' ? 0 : (due.repeats ?? repeats + 1)
      return due
    }
    return {
      id,
      person,
      urls,
      /** Executes the errand once. */
      next,
      /** Executes it whenever it is due, until this much time has passed. */
      async during(ms: number): Promise<void> {
        const until = clock.now() + ms
        await next()
        while (due !== 'settled' && due.againAt <= until) {
          await clock.advance(Math.max(0, due.againAt - clock.now()))
          await next()
        }
        await clock.advance(Math.max(0, until - clock.now()))
      },
      async order() {
        return await shop.order(id)
      },
      async spent() {
        return 1000 - (await shop.balance(person))
      },
      again: (as: 'photo' | 'document', index: number, tries = 0) =>
        sendAgain(
          { kind: 'send_again', order: id, chat: chatId(person), as, index },
          { cid: shop.story, permit, repeats: tries },
        ),
    }
  }
  return { ...shop, files, answers, said, made, sendAgain }
}

async function booksHold(): Promise<void> {
  const verified = await inTransaction(storage.database.work, verifyShop)
  assert.ok(verified.ok, verified.ok ? '' : verified.difference)
}
const statesOf = async ({ order }: { order: () => Promise<Order> }) => {
  const seen = await order()
  const artifacts = 'artifacts' in seen ? (seen.artifacts ?? []) : []
  return artifacts.map((each) => (each.state === 'lost' ? `lost ${each.reason}` : each.state))
}

describe('an order of four of which one is dead', () => {
  for (const index of [0, 1, 2, 3]) {
    it(`number ${index + 1}: the others come, then the receipt; after an hour the share is paid and the rest goes back`, async () => {
      const { made, files, said } = open()
      const order = await made(4)
      files.set(order.urls[index] ?? '', dead)
      await order.next()
      const others = [1, 2, 3, 4].filter((n) => n !== index + 1).map((n) => `photo ${n}.png`)
      const looking =
        '🖼 3 of 4 arrived.\nI’m still looking for one more: its file won’t open yet. You only pay for what arrives.'
      assert.deepEqual(said, [...others, `send ${looking}`])
      assert.equal((await order.order()).status, 'delivering')
      assert.equal(await order.spent(), priceKopecks, 'all of it is still held')

      await order.during(hourMs + 5 * minuteMs)
      assert.deepEqual(said.slice(4), ['edit 🖼 3 of 4 arrived.\nPaid 2.25 ₽, 0.75 ₽ returned'].map(spaced))
      assert.equal((await order.order()).status, 'completed')
      assert.equal(await order.spent(), 225)
      await booksHold()
    })
  }

  it('comes as a gift when its link works again later, and the receipt is corrected', async () => {
    const { made, files, said } = open()
    const order = await made(2)
    files.set(order.urls[1] ?? '', dead)
    await order.during(2 * hourMs)
    files.delete(order.urls[1] ?? '')
    const before = said.length
    await order.during(7 * hourMs)
    assert.deepEqual(said.slice(before), ['photo 2.png a late gift', 'edit Paid 1.50 ₽, 1.50 ₽ returned'].map(spaced))
    assert.equal(await order.spent(), 150)
    assert.equal(await order.next(), 'settled')
    await booksHold()
  })

  it('and which is found within the hour is paid, and told in the receipt', async () => {
    const { made, files, said } = open()
    const order = await made(2)
    files.set(order.urls[0] ?? '', dead)
    await order.during(50 * minuteMs)
    files.clear()
    await order.during(10 * minuteMs)
    assert.deepEqual(said.slice(2), ['photo 1.png', 'edit Paid 3 ₽'].map(spaced))
    assert.equal(await order.spent(), 300)
  })
})

describe('a picture that cannot be fetched', () => {
  const reasons: readonly (readonly [Fetched, number])[] = [
    [dead, hourMs],
    [never('not_a_picture', 'a page'), hourMs],
    [never('forbidden', 'no public address'), hourMs],
    [later('unreachable', 'HTTP 503'), 24 * hourMs],
    [later('misresolved', 'it resolves to 198.18.0.5'), 24 * hourMs],
    [unknown('no answer'), 24 * hourMs],
  ]
  for (const [no, patienceMs] of reasons) {
    const why = no.kind === 'not_done' ? no.why : no.kind
    it(`(${why}) is looked for for ${patienceMs / hourMs} h from the first refusal, then paid back, then a gift`, async () => {
      const { made, files, said, clock, answers, errands } = open()
      const order = await made(1)
      // Telegram asks for a wait first, which uses nothing up.
      answers.push(later('too_many', '429', 12 * 60_000))
      await order.next()
      await clock.advance(12 * minuteMs)
      files.set(order.urls[0] ?? '', no)
      await order.during(patienceMs - 1)
      assert.equal((await order.order()).status, 'delivering')
      assert.ok((await errands(order.id)).includes('show_progress'), 'the person is told that it is looked for')
      assert.equal(await order.spent(), 300)
      await order.during(5 * minuteMs)
      const lost = await order.order()
      assert.ok(lost.status === 'released' && lost.reason === 'undeliverable' && lost.gift === 'delivering')
      assert.equal(await order.spent(), 0)
      files.clear()
      const before = said.length
      await order.during(7 * hourMs)
      assert.deepEqual(
        said.slice(before).map((each) => each.slice(0, 15)),
        ['photo 1.png', 'send 🎁 A gift:'],
      )
      const gift = await order.order()
      assert.ok(gift.status === 'released' && gift.gift === 'delivered')
      assert.equal(await order.spent(), 0)
      await booksHold()
    })
  }

  it('and never comes is not looked for when KIE has deleted it', async () => {
    const { made, files } = open()
    const order = await made(2)
    files.set(order.urls[0] ?? '', dead)
    await order.during(13 * dayMs)
    assert.notEqual(await order.next(), 'settled')
    await order.during(2 * dayMs)
    assert.equal(await order.next(), 'settled')
    assert.deepEqual(await statesOf(order), ['lost gone', 'sent'])
  })

  it('because it is too big for Telegram, or Telegram takes it in no form, is paid back at once', async () => {
    const { made, files, answers, said } = open()
    const big = await made(2)
    files.set(big.urls[1] ?? '', never('too_big', '60 MB'))
    assert.equal(await big.next(), 'settled')
    assert.equal(await big.spent(), 150)
    const refused = await made(2)
    files.clear()
    answers.push(never('refused', '400'), never('refused', '400'))
    assert.equal(await refused.next(), 'settled')
    assert.deepEqual(await statesOf(refused), ['lost refused', 'sent'])
    assert.equal(await refused.spent(), 150)
    assert.deepEqual(said.slice(2, 5), ['photo 1.png: not_done', 'document 1.png: not_done', 'photo 2.png'])
    await booksHold()
  })
})

describe('fewer pictures than were ordered', () => {
  it('are paid by their share', async () => {
    const { made, said } = open()
    const order = await made(4, 2)
    assert.equal(await order.next(), 'settled')
    assert.deepEqual(
      said,
      ['photo 1.png', 'photo 2.png', 'send 🖼 2 of 4 arrived.\nPaid 1.50 ₽, 1.50 ₽ returned'].map(spaced),
    )
    assert.equal(await order.spent(), 150)
    await booksHold()
  })

  it('and a share that is no whole kopeck is rounded in favour of the person', async () => {
    const { made } = open()
    const order = await made(7, 4)
    await order.next()
    assert.equal(await order.spent(), 171)
    await booksHold()
  })

  it('are captured once, whoever looks at the same moment', async () => {
    const { made, said } = open()
    const order = await made(4, 2)
    await Promise.all([order.next(), order.next(), order.next()])
    assert.equal(await order.spent(), 150)
    assert.ok(said.length >= 3)
    await booksHold()
  })
})

describe('whatever is learned of the results at the same moment', () => {
  it('settles the hold once, with the share that arrived, to the kopeck', async () => {
    const { made, record, clock } = open()
    const choose = chooser('results at the same moment')
    for (let round = 0; round < 12; round++) {
      const ordered = 1 + choose(5)
      const order = await made(ordered)
      const at = clock.now()
      const isDead = order.urls.map(() => choose(2) === 1)
      const seen = isDead.flatMap((dead, index): Observation[] => {
        const sent = { state: 'sent', file: fileId(`f${index}`), as: 'photo', message: messageId(index + 1) } as const
        const once: Observation = dead
          ? { type: 'artifact_refused', index, reason: 'too_big', at }
          : { type: 'artifact_delivered', index, sent, at }
        return [once, once, once]
      })
      await Promise.all(shuffled(seen, choose).map((each) => record(order.id, each)))
      const arrived = isDead.filter((dead) => !dead).length
      assert.equal(await order.spent(), Math.floor((priceKopecks * arrived) / ordered), `${arrived} of ${ordered}`)
      assert.equal((await order.order()).status, arrived === 0 ? 'released' : 'completed')
    }
    await booksHold()
  })
})

describe('the receipt', () => {
  it('is sent again when Telegram did not confirm it, three times at most, and holds nothing up', async () => {
    const { made, answers, said, fieldsOf } = open()
    const order = await made(1)
    const silence = unknown('502')
    answers.push(undefined, silence, silence, silence)
    await order.during(minuteMs)
    assert.equal(said.length, 4)
    assert.equal(fieldsOf('MESSAGE_UNCONFIRMED').length, 1)
    assert.equal((await order.order()).status, 'completed')
    assert.equal(await order.next(), 'settled')
  })

  it('that Telegram refuses for good is named in the log and not sent again', async () => {
    const { made, answers, said, fieldsOf } = open()
    const order = await made(1)
    answers.push(undefined, never('refused', '400'))
    assert.equal(await order.next(), 'settled')
    assert.equal(await order.next(), 'settled')
    assert.equal(said.length, 2)
    assert.equal(fieldsOf('UI_NOT_SHOWN').length, 1)
  })
})

describe('a person who blocked the bot', () => {
  const blocked = never('blocked', '403')
  const comesBack = async ({ clock, story }: ReturnType<typeof open>, person: number, order: OrderId) => {
    const sender = { id: person, firstName: 'Anna', language: 'en' }
    await store.transact(permit, (tx) => noteUnblocked(tx, sender as never, story, clock.now()))
    const [job] = await storage.rows(
      `select from ${storage.schema}_jobs._private_jobs
        where payload->'errand'->>'kind' = 'deliver' and payload->'errand'->>'order' = $1`,
      [order],
    )
    return job !== undefined
  }

  it('for more than seven days gets what was paid when they come back', async () => {
    const opened = open()
    const { made, answers, said } = opened
    const order = await made(2)
    for (let n = 0; n < 40; n++) answers.push(blocked)
    await order.during(8 * dayMs)
    assert.equal((await order.order()).status, 'completed')
    assert.equal(await order.spent(), 300)
    await storage.rows(`delete from ${storage.schema}_jobs._private_jobs`)
    answers.length = 0
    said.length = 0
    assert.ok(await comesBack(opened, order.person, order.id))
    assert.equal(await order.next(), 'settled')
    assert.deepEqual(said, ['photo 1.png', 'photo 2.png', 'send Paid 3 ₽'].map(spaced))
    assert.equal(await order.spent(), 300)
    await booksHold()
  })

  it('in the middle of an order pays for what has come and what is kept, and gets the rest and the receipt', async () => {
    const opened = open()
    const { made, answers, said } = opened
    const order = await made(3)
    answers.push(undefined)
    for (let n = 0; n < 40; n++) answers.push(blocked)
    await order.during(8 * dayMs)
    assert.equal(await order.spent(), 300)
    answers.length = 0
    said.length = 0
    assert.ok(await comesBack(opened, order.person, order.id))
    assert.equal(await order.next(), 'settled')
    assert.deepEqual(said, ['photo 2.png', 'photo 3.png', 'send Paid 3 ₽'].map(spaced))
  })

  it('too late for KIE to have it gets the money back', async () => {
    const opened = open()
    const { made, answers, files } = opened
    const order = await made(1)
    for (let n = 0; n < 40; n++) answers.push(blocked)
    await order.during(8 * dayMs)
    assert.equal(await order.spent(), 300)
    files.set(order.urls[0] ?? '', dead)
    await order.during(hourMs + 5 * minuteMs)
    assert.equal((await order.order()).status, 'refunded')
    assert.equal(await order.spent(), 0)
    await booksHold()
  })
})

describe('the original as a file', () => {
  it('is taken from Telegram when it was sent before, and from KIE else', async () => {
    const { made, said, files } = open()
    const order = await made(1)
    await order.next()
    said.length = 0
    assert.equal(await order.again('document', 0), 'settled')
    files.set(order.urls[0] ?? '', dead)
    assert.equal(await order.again('document', 0), 'settled')
    const [first, second] = said
    assert.equal(first, 'document 1.png')
    assert.match(second ?? '', /^again document document-/)
  })

  it('is what was sent, when that was a document already', async () => {
    const { made, said, answers } = open()
    const order = await made(1)
    answers.push(never('not_a_photo', '400'))
    await order.next()
    said.length = 0
    await order.again('document', 0)
    assert.match(said[0] ?? '', /^again document document-/)
  })

  it('of a host that is away for a moment is asked for again, and is never told to be deleted', async () => {
    for (const away of [later('unreachable', '503'), later('unreachable', '429'), unknown('cut')] as const) {
      const { made, said, files, clock } = open()
      const order = await made(1)
      await order.next()
      files.set(order.urls[0] ?? '', away)
      said.length = 0
      for (let tries = 0; tries < 9; tries++) {
        await clock.advance(1_000)
        assert.notEqual(await order.again('document', 0, tries), 'settled')
      }
      await clock.advance(1_000)
      assert.deepEqual(said, [])
      assert.equal(await order.again('document', 0, 9), 'settled')
      assert.deepEqual(said, ['send away'])
    }
  })

  it('of a bot that had another token is fetched anew while KIE keeps it, and else the person is told', async () => {
    const { made, said, files, answers } = open()
    const order = await made(1)
    await order.next()
    said.length = 0
    const gone = never('file_gone', 'wrong file identifier')
    answers.push(gone)
    assert.equal(await order.again('photo', 0), 'settled')
    assert.match(said[0] ?? '', /^again photo .*not_done/)
    assert.match(said[1] ?? '', /^photo 1.png/)
    said.length = 0
    files.set(order.urls[0] ?? '', never('gone', 'HTTP 404'))
    answers.push(gone)
    assert.equal(await order.again('photo', 0), 'settled')
    assert.equal(said.at(-1), 'send result gone')
  })

  it('of each picture is an errand of its own, so that none comes twice because of another', async () => {
    const { made, sendAgain, story } = open()
    const order = await made(2)
    await order.next()
    const errand = { kind: 'send_again', order: order.id, chat: chatId(order.person), as: 'document' } as const
    assert.equal(await sendAgain(errand, { cid: story, permit, repeats: 0 }), 'settled')
    const rows = await storage.rows<{ index: string }>(
      `select payload->'errand'->>'index' as index from ${storage.schema}_jobs._private_jobs
        where payload->'errand'->>'kind' = 'send_again' and payload->'errand'->>'order' = $1 order by 1`,
      [order.id],
    )
    assert.deepEqual(
      rows.map(({ index }) => index),
      ['0', '1'],
    )
  })
})

/** Money stands on one line: its space does not break. */
function spaced(text: string): string {
  return text.replaceAll(/(\d) ₽/g, '$1\u00a0₽')
}
