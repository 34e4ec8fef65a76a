import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { ArtifactFile, ArtifactNo } from '../../src/delivery/artifact-source.ts'
import { createResultsGuard } from '../../src/delivery/results-guard.ts'
import { done, later, never, type Outcome, unknown } from '../../src/kit/outcome.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

type Fetched = Outcome<ArtifactFile, ArtifactNo>
const file: Fetched = done({ bytes: new Uint8Array(1), mime: 'image/png' })
const silence = later('unreachable', 'https://a.example answered HTTP 503')
const fake = later('misresolved', 'https://a.example has no public address: it resolves to 198.18.0.5')

/** Hosts that say what the test wants, by a clock that the test moves. */
function open(t: TestContext) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const says = new Map<string, Fetched>()
  const asked: string[] = []
  const guard = createResultsGuard({
    artifacts: {
      async fetch(url) {
        asked.push(url)
        return says.get(new URL(url).host) ?? file
      },
    },
    random: () => 0,
    clock,
    telemetry: telling.telemetry,
  })
  const over = new AbortController()
  const watching = guard.watch(over.signal)
  t.after(async () => {
    over.abort()
    await watching
  })
  const fetch = (host: string, name = 'x.png') => guard.artifacts.fetch(`https://${host}/${name}`)
  return { ...guard, ...telling, clock, says, asked, fetch }
}

describe('hosts of results', () => {
  for (const [what, no] of [
    ['gives no answer', silence],
    ['leaves it unknown', unknown('no whole answer')],
  ] as const) {
    it(`one that ${what} five times in a row is asked by one probe only, and what waits is fetched when it is back`, async (t) => {
      const { fetch, says, asked, clock, figures, fieldsOf } = open(t)
      says.set('a.example', no)
      for (let n = 0; n < 5; n++) assert.equal((await fetch('a.example', `${n}.png`)).kind, no.kind)
      assert.deepEqual([figures().away?.host, figures().away?.pausesSelling], ['a.example', true])
      const held = await fetch('a.example', 'waits.png')
      assert.ok(held.kind === 'not_done' && held.why === 'unreachable' && held.retry.when === 'later')
      assert.ok((held.retry.afterMs ?? 0) > 0)
      assert.equal(asked.length, 5)
      await clock.advance(10 * 60_000)
      const probes = asked.length - 5
      assert.ok(probes >= 10 && probes <= 20, `${probes} probes in ten minutes`)
      says.delete('a.example')
      await clock.advance(60_000)
      assert.deepEqual(await fetch('a.example', 'waits.png'), file)
      assert.equal(figures().away, undefined)
      assert.deepEqual(fieldsOf('RESULTS_AWAY').length, 1)
      assert.deepEqual(fieldsOf('RESULTS_BACK').length, 1)
    })
  }

  it('one whose name leads nowhere public is away at once, and is named with what it resolves to', async (t) => {
    const { fetch, says, figures, fieldsOf } = open(t)
    says.set('a.example', fake)
    await fetch('a.example')
    assert.equal(figures().away?.pausesSelling, true)
    assert.deepEqual(fieldsOf('RESULTS_AWAY'), [
      { host: 'a.example', why: 'no_public_address', detail: fake.kind === 'not_done' ? fake.detail : '' },
    ])
  })

  for (const why of ['gone', 'not_a_picture', 'too_big', 'forbidden'] as const) {
    it(`one that says no to its files (${why}) is there`, async (t) => {
      const { fetch, says, figures } = open(t)
      says.set('a.example', never(why, 'no'))
      for (let n = 0; n < 20; n++) await fetch('a.example')
      assert.equal(figures().away, undefined)
    })
  }

  it('one that is away keeps nobody from another, and selling goes on while that one gives results', async (t) => {
    const { fetch, says, figures } = open(t)
    await fetch('b.example')
    says.set('a.example', fake)
    await fetch('a.example')
    assert.deepEqual([figures().away?.host, figures().away?.pausesSelling], ['a.example', false])
    assert.deepEqual(await fetch('b.example'), file)
    says.set('b.example', fake)
    await fetch('b.example')
    assert.deepEqual([figures().away?.host, figures().away?.pausesSelling], ['b.example', true])
  })

  it('one that is away for good pauses selling for a day, and its next new result for another', async (t) => {
    const { fetch, says, figures, clock } = open(t)
    says.set('a.example', fake)
    await fetch('a.example')
    await clock.advance(23 * 3_600_000)
    await fetch('a.example')
    assert.equal(figures().away?.pausesSelling, true)
    await clock.advance(3_600_000)
    // What waits there is asked for again and again, and is no news.
    await fetch('a.example')
    assert.deepEqual([figures().away?.host, figures().away?.pausesSelling], ['a.example', false])
    await fetch('a.example', 'new.png')
    assert.equal(figures().away?.pausesSelling, true)
    await clock.advance(24 * 3_600_000)
    await fetch('b.example')
    assert.deepEqual([figures().away?.host, figures().away?.pausesSelling], ['a.example', false])
  })
})
