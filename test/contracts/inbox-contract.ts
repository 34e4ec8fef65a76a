import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CannotStore, type Claims, type Inbox, type InboxItem, type InboxStep } from '../../src/inbox/inbox.ts'
import { after, type Instant, instant } from '../../src/kit/clock.ts'
import { botId, cid, type Lane, laneOfPerson, newCid, personId } from '../../src/kit/ids.ts'

/** One engine of the inbox, opened for tests. */
export type InboxEngine = {
  readonly inbox: Inbox
  readonly claims: Claims
  step<T>(work: (inbox: InboxStep) => Promise<T>): Promise<T>
  prune(before: Instant): Promise<number>
  /** How many items are kept, handled ones included. */
  kept(lane: Lane): Promise<number>
}

export const now = instant(1_764_000_000_000)
let updates = 1000
let people = 1000
/** Somebody whom the inbox has never heard of. */
export const newLane = (): Lane => laneOfPerson(personId(++people))

export const update = (
  lane: Lane,
  more: { readonly updateId?: number; readonly body?: string; kind?: string } = {},
) => ({
  bot: botId(1),
  updateId: ++updates,
  lane,
  kind: 'message',
  cid: newCid(),
  body: '{"update_id":1}',
  receivedAt: now,
  ...more,
})

/** Holds an engine to the promises that `src/inbox/inbox.ts` makes. */
export function inboxContract(name: string, engine: InboxEngine): void {
  const { inbox, claims, step } = engine
  /** Other tests' lanes are taken as busy, so that each test sees only its own. */
  const others: Lane[] = []
  async function claim(mine: readonly Lane[], { max = 100, at = now, busy = [] as readonly Lane[] } = {}) {
    const items = await claims.claim({ max, busy: [...others, ...busy], now: at })
    for (const { lane } of items)
      if (!mine.includes(lane)) assert.fail(`a claim took the lane ${lane}, which is not its own`)
    return items
  }
  const one = async (lane: Lane, at = now): Promise<InboxItem> => {
    const [item] = await claim([lane], { at })
    assert.ok(item, 'nothing could be claimed')
    return item
  }
  async function claimedOf(received: ReturnType<typeof update>): Promise<InboxItem> {
    const stored = await inbox.store(received, { claim: true })
    assert.ok(typeof stored === 'object', String(stored))
    return stored
  }
  const guarantee = (what: string, test: (lane: Lane) => Promise<void>) =>
    it(what, async () => {
      const lane = newLane()
      try {
        await test(lane)
      } finally {
        others.push(lane)
      }
    })

  describe(`the inbox of ${name}`, () => {
    guarantee('is committed when it says so: another connection sees it at once', async (lane) => {
      assert.equal(await inbox.store(update(lane, { body: 'exactly as it came' })), 'stored')
      const item = await one(lane)
      assert.equal(item.body, 'exactly as it came')
      assert.equal(item.attempts, 1)
    })

    guarantee('keeps the same update once, and says of the second that it is one', async (lane) => {
      const first = update(lane)
      assert.equal(await inbox.store(first), 'stored')
      assert.equal(await inbox.store({ ...first, cid: newCid() }), 'duplicate')
      assert.equal(await engine.kept(lane), 1)
      assert.equal((await one(lane)).cid, first.cid)
    })

    guarantee('keeps the same update once when it comes a hundred times at once', async (lane) => {
      const same = update(lane)
      // The first commit is on its way, so that the hundred share the next one.
      const other = inbox.store(update(lane))
      const answers = await Promise.all(Array.from({ length: 100 }, () => inbox.store({ ...same, cid: newCid() })))
      assert.equal(answers.filter((answer) => answer === 'stored').length, 1)
      assert.equal(await other, 'stored')
      assert.equal(await engine.kept(lane), 2)
    })

    guarantee('keeps both when two updates happen to have the same cid, which is short', async (lane) => {
      const story = cid('abcd1234')
      const both = await Promise.all([update(lane), update(lane)].map((each) => inbox.store({ ...each, cid: story })))
      assert.deepEqual(both, ['stored', 'stored'])
    })

    guarantee('keeps the same update id of two bots as two', async (lane) => {
      const first = update(lane)
      assert.equal(await inbox.store(first), 'stored')
      assert.equal(await inbox.store({ ...first, bot: botId(2), cid: newCid() }), 'stored')
    })

    guarantee('stores everything else of a batch when one row of it cannot be stored', async (lane) => {
      const good = Array.from({ length: 20 }, () => inbox.store(update(lane)))
      const bad = [
        inbox.store(update(lane, { body: 'a NUL \u0000 in it' })),
        inbox.store(update(lane, { kind: 'mess\u0000age' })),
        inbox.store(update(lane, { updateId: 1e30 })),
        inbox.store(update(lane, { updateId: 0.5 })),
      ]
      const more = Array.from({ length: 20 }, () => inbox.store(update(lane)))
      for (const each of bad) await assert.rejects(each, CannotStore)
      assert.deepEqual([...new Set(await Promise.all([...good, ...more]))], ['stored'])
      assert.equal(await engine.kept(lane), 40)
    })

    guarantee(
      'keeps what JSON may hold and other columns may not: an escaped NUL, half a surrogate pair',
      async (lane) => {
        const body = '{"update_id":7,"message":{"text":"\\u0000 \\ud800 \\udc00"}}'
        assert.equal(await inbox.store(update(lane, { body })), 'stored')
        assert.equal((await one(lane)).body, body)
      },
    )

    guarantee('hands an item over as claimed when its lane is free, and counts that as an attempt', async (lane) => {
      assert.equal((await claimedOf(update(lane))).attempts, 1)
      assert.equal((await one(lane)).attempts, 2, 'the claim was not committed with the item')
    })

    guarantee('stores an item behind those that wait, instead of handing it over before them', async (lane) => {
      await inbox.store(update(lane))
      assert.equal(await inbox.store(update(lane), { claim: true }), 'stored')
      const first = await one(lane)
      await step((tx) => tx.postpone(first.id, { until: after(now, 60_000), error: 'later' }))
      assert.equal(await inbox.store(update(lane), { claim: true }), 'stored')
      await step((tx) => tx.shelve(first.id, now, 'aside'))
      assert.equal((await one(lane)).attempts, 1)
    })

    guarantee('hands nothing over of an update that it knows', async (lane) => {
      const known = update(lane)
      const { id } = await claimedOf(known)
      await step((tx) => tx.finish(id, now))
      assert.equal(await inbox.store({ ...known, cid: newCid() }, { claim: true }), 'duplicate')
    })

    guarantee('hands the items of a lane out in the order of arrival, one at a time', async (lane) => {
      const stored = Array.from({ length: 5 }, () => update(lane))
      await Promise.all(stored.map((each) => inbox.store(each)))
      const seen: number[] = []
      for (const _ of stored) {
        const item = await one(lane)
        assert.deepEqual(await claim([], { busy: [lane] }), [], 'a second item of a busy lane was handed out')
        seen.push(item.updateId)
        assert.equal(await step((tx) => tx.finish(item.id, now)), true)
      }
      assert.deepEqual(
        seen,
        stored.map(({ updateId }) => updateId),
      )
      assert.deepEqual(await claim([lane]), [])
    })

    guarantee('hands out the first items only, never more than asked for, and each lane has its turn', async (lane) => {
      const lanes = [lane, newLane(), newLane()]
      for (const each of lanes) for (let n = 0; n < 3; n++) await inbox.store(update(each))
      const two = await claim(lanes, { max: 2 })
      assert.deepEqual(
        two.map((item) => item.lane),
        lanes.slice(0, 2),
      )
      const rest = await claim(lanes, { busy: two.map((item) => item.lane) })
      assert.deepEqual(
        rest.map((item) => item.lane),
        lanes.slice(2),
      )
      others.push(...lanes)
    })

    guarantee('lets a postponed item hold its lane until it is due, and says when that is', async (lane) => {
      await inbox.store(update(lane))
      await inbox.store(update(lane))
      const first = await one(lane)
      const due = after(now, 5_000)
      await step((tx) => tx.postpone(first.id, { until: due, error: 'broken' }))
      assert.deepEqual(await claim([lane], { at: after(now, 4_999) }), [])
      assert.equal(await claims.nextDueAt(now), due)
      assert.equal(await claims.nextDueAt(due), undefined)
      const again = await one(lane, due)
      assert.equal(again.id, first.id)
      assert.equal(again.attempts, 2)
    })

    guarantee(
      'does not count what is given back, and gives back what is still in the same hands only',
      async (lane) => {
        await inbox.store(update(lane))
        const first = await one(lane)
        await claims.giveBack(first, { until: now, error: 'the database went away \u0000' })
        const second = await one(lane)
        assert.equal(second.attempts, 1)
        const third = await one(lane)
        assert.equal(third.attempts, 2)
        await claims.giveBack(second, { until: after(now, 60_000), error: 'late' })
        assert.equal((await one(lane)).attempts, 3, 'a late return reached into the hands of another')
      },
    )

    guarantee('finishes an item once: whoever comes second has no effect to write', async (lane) => {
      await inbox.store(update(lane))
      const { id } = await one(lane)
      const ends = await Promise.all(Array.from({ length: 5 }, () => step((tx) => tx.finish(id, now))))
      assert.equal(ends.filter((end) => end).length, 1)
    })

    guarantee(
      'goes on with a lane whose item was set aside, which is kept and never handed out again',
      async (lane) => {
        const bad = update(lane)
        await inbox.store(bad)
        await inbox.store(update(lane))
        const { id } = await one(lane)
        await step((tx) => tx.shelve(id, now, 'failed \u0000 five times'))
        assert.notEqual((await one(lane)).id, id)
        assert.equal(await step((tx) => tx.finish(id, now)), false)
        await step((tx) => tx.postpone(id, { until: now, error: 'late' }))
        assert.equal(await inbox.store({ ...bad, cid: newCid() }), 'duplicate')
        await engine.prune(after(now, 1))
        assert.equal(await engine.kept(lane), 2)
      },
    )

    guarantee('forgets handled items only when they are old, and waiting ones never', async (lane) => {
      for (let n = 0; n < 3; n++) await inbox.store(update(lane))
      for (const at of [now, after(now, 1_000)]) {
        const { id } = await one(lane)
        await step((tx) => tx.finish(id, at))
      }
      assert.ok((await engine.prune(after(now, 1_000))) >= 1)
      assert.equal(await engine.kept(lane), 2)
    })
  })
}
