import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  AlreadyFinished,
  CannotStore,
  type Claims,
  type Inbox,
  type InboxItem,
  type InboxStep,
} from '../../src/inbox/inbox.ts'
import { after, type Instant, instant } from '../../src/kit/clock.ts'
import { botId, cid, type Lane, laneOfPerson, newCid, personId } from '../../src/kit/ids.ts'
import type { WorkerPermit } from '../../src/permit.ts'

/** One engine of the inbox, opened for tests. */
export type InboxEngine = {
  readonly inbox: Inbox
  readonly claims: Claims
  /** Of the instance that stores and claims. */
  readonly worker: WorkerPermit
  step<T>(work: (inbox: InboxStep) => Promise<T>): Promise<T>
  prune(before: Instant): Promise<number>
  /** How many items are kept, handled ones included. */
  kept(lane: Lane): Promise<number>
}

export const now = instant(1_764_000_000_000)
let updates = 1000
let people = 1000
/** A person of whom the inbox has nothing. */
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
  const { inbox, claims, worker, step } = engine
  /** Other tests' lanes are taken as busy, so that each test sees only its own. */
  const others: Lane[] = []
  async function claim(mine: readonly Lane[], { max = 100, at = now, busy = [] as readonly Lane[] } = {}) {
    const { items } = await claims.claim(worker, { max, busy: [...others, ...busy], now: at })
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
    const stored = await inbox.store(received, 'claim')
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
      assert.equal(item.failures, 0)
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

    guarantee('returns an item as claimed when its lane is free', async (lane) => {
      const { id, failures, interrupted } = await claimedOf(update(lane))
      assert.deepEqual({ failures, interrupted }, { failures: 0, interrupted: 0 })
      assert.equal((await one(lane)).id, id, 'what this instance has claimed and does not work on is claimed again')
    })

    guarantee('stores an item behind those that wait, instead of returning it before them', async (lane) => {
      await inbox.store(update(lane))
      assert.equal(await inbox.store(update(lane), 'claim'), 'stored')
      const first = await one(lane)
      await step((tx) => tx.retryLater(first.id, { until: after(now, 60_000), error: 'later' }))
      assert.equal(await inbox.store(update(lane), 'claim'), 'stored')
      await step((tx) => tx.shelve(first.id, now, 'aside'))
      assert.equal((await one(lane)).failures, 0)
    })

    guarantee(
      'stores what nothing follows from as finished, and what is behind it does not wait for it',
      async (lane) => {
        assert.equal(await inbox.store(update(lane), 'finish'), 'finished')
        await claimedOf(update(lane))
      },
    )

    guarantee('stores what nothing follows from behind what waits in its lane', async (lane) => {
      assert.equal(await inbox.store(update(lane)), 'stored')
      assert.equal(await inbox.store(update(lane), 'finish'), 'stored')
    })

    guarantee('claims nothing of an update that it knows', async (lane) => {
      const known = update(lane)
      const { id } = await claimedOf(known)
      await step((tx) => tx.mustFinish(id, now))
      assert.equal(await inbox.store({ ...known, cid: newCid() }, 'claim'), 'duplicate')
    })

    guarantee('gives the items of a lane in the order of arrival, one at a time', async (lane) => {
      const stored = Array.from({ length: 5 }, () => update(lane))
      await Promise.all(stored.map((each) => inbox.store(each)))
      const seen: number[] = []
      for (const _ of stored) {
        const item = await one(lane)
        assert.deepEqual(await claim([], { busy: [lane] }), [], 'a second item of a busy lane was claimed')
        seen.push(item.updateId)
        await step((tx) => tx.mustFinish(item.id, now))
      }
      assert.deepEqual(
        seen,
        stored.map(({ updateId }) => updateId),
      )
      assert.deepEqual(await claim([lane]), [])
    })

    guarantee(
      'claims first items only, never more than asked for, and the lane that has waited longest first',
      async (lane) => {
        // Names of lanes say nothing about who waits longest.
        const lanes = [lane, newLane(), newLane()].reverse()
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
      },
    )

    guarantee('lets a postponed item hold its lane until it is due, and says when that is', async (lane) => {
      await inbox.store(update(lane))
      await inbox.store(update(lane))
      const first = await one(lane)
      const due = after(now, 5_000)
      await step((tx) => tx.retryLater(first.id, { until: due, error: 'broken' }))
      assert.deepEqual(await claim([lane], { at: after(now, 4_999) }), [])
      assert.equal(await claims.nextDueAt(now), due)
      assert.equal(await claims.nextDueAt(due), undefined)
      const again = await one(lane, due)
      assert.equal(again.id, first.id)
      assert.equal(again.failures, 1)
    })

    guarantee('does not count what is released, and leaves alone what is finished by then', async (lane) => {
      await inbox.store(update(lane))
      const first = await one(lane)
      const due = after(now, 500)
      await claims.release(first, { until: due, error: 'the database went away \u0000' })
      assert.deepEqual(await claim([lane]), [])
      const second = await one(lane, due)
      assert.deepEqual({ id: second.id, failures: second.failures }, { id: first.id, failures: 0 })
      await step((tx) => tx.mustFinish(second.id, due))
      await claims.release(second, { until: now, error: 'late' })
      assert.deepEqual(await claim([lane]), [])
    })

    guarantee('finishes an item once: the second step has no effect', async (lane) => {
      await inbox.store(update(lane))
      const { id } = await one(lane)
      const ends = await Promise.allSettled(Array.from({ length: 5 }, () => step((tx) => tx.mustFinish(id, now))))
      const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
      assert.equal(refused.length, 4)
      for (const reason of refused) assert.ok(reason instanceof AlreadyFinished, String(reason))
    })

    guarantee('goes on with a lane whose item was shelved, which is kept and never claimed again', async (lane) => {
      const bad = update(lane)
      await inbox.store(bad)
      await inbox.store(update(lane))
      const { id } = await one(lane)
      await step((tx) => tx.shelve(id, now, 'failed \u0000 five times'))
      assert.notEqual((await one(lane)).id, id)
      await assert.rejects(
        step((tx) => tx.mustFinish(id, now)),
        AlreadyFinished,
      )
      await step((tx) => tx.retryLater(id, { until: now, error: 'late' }))
      assert.equal(await inbox.store({ ...bad, cid: newCid() }), 'duplicate')
      await engine.prune(after(now, 1))
      assert.equal(await engine.kept(lane), 2)
    })

    guarantee('forgets handled items only when they are old, and waiting ones never', async (lane) => {
      for (let n = 0; n < 3; n++) await inbox.store(update(lane))
      for (const at of [now, after(now, 1_000)]) {
        const { id } = await one(lane)
        await step((tx) => tx.mustFinish(id, at))
      }
      assert.ok((await engine.prune(after(now, 1_000))) >= 1)
      assert.equal(await engine.kept(lane), 2)
    })
  })
}
