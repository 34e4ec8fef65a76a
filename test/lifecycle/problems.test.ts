import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHealth, type Figures, type HealthDeps } from '../../src/health/health.ts'
import { allProblems, type Problem } from '../../src/health/problems.ts'
import { after, type Instant, instant } from '../../src/kit/clock.ts'
import { instanceId } from '../../src/kit/ids.ts'
import { causes, type LossCause } from '../../src/losses/loss.ts'
import { shopDay } from '../../src/money/shop-day.ts'
import { alertsOf, type Watched } from '../../src/operators/alerts.ts'
import { createTestClock } from '../fixtures/clock.ts'

/** One set of figures, as `/health` and the operators' alerts of a leader look at it. */
const now = instant(Date.UTC(2026, 0, 12, 12))
const ago = (s: number): Instant => after(now, -1000 * s)
const instance = instanceId('inst0001')
const healthy: Watched = {
  now,
  instance,
  leads: { epoch: 1, since: ago(600) },
  webhook: { url: 'https://bot.example/webhook/x', verifiedAt: ago(590) },
  inbox: { pending: 0, oldest: undefined, shelved: 0 },
  errands: { pending: 0, oldest: undefined, shelved: 0 },
  pool: { max: 6, inUse: 0, idle: 1, waiting: 0, held: [], reclaimed: [] },
  selling: { credits: '900' },
  telegram: {},
  results: {},
  uploads: {},
  creditsLow: 200,
  lossCreditsPerDay: 500,
}
const losses = ({ stories = 0, credits = '0' }) => ({
  day: shopDay('2026-01-12'),
  today: [{ cause: 'task_failed', count: stories, credits, kopecks: 0, firstCid: '0000000a' }] as const,
  inRow: [{ cause: 'task_failed', stories, firstCid: '0000000a', lastDetail: 'KIE said 500' }] as const,
})
const waiting = (s: number) => ({ pending: 3, oldest: ago(s), shelved: 0 })

/** Figures below and above the threshold of each problem that a leader alerts to. */
const thresholds: Partial<Readonly<Record<Problem, readonly [below: Partial<Watched>, above: Partial<Watched>]>>> = {
  webhook_unverified: [
    { webhook: { url: 'x' }, leads: { epoch: 1, since: ago(60) } },
    { webhook: { url: 'x' }, leads: { epoch: 1, since: ago(61) } },
  ],
  webhook_contested: [{}, { webhook: { url: 'x', verifiedAt: ago(590), contestedSince: ago(1) } }],
  webhook_failing: [
    { webhook: { url: 'x', verifiedAt: ago(590), failingSince: ago(119) } },
    { webhook: { url: 'x', verifiedAt: ago(590), failingSince: ago(120) } },
  ],
  polling_conflict: [{ polling: {} }, { polling: { conflict: 'another program asks', conflictSince: ago(1) } }],
  inbox_old: [{ inbox: waiting(60) }, { inbox: waiting(61) }],
  errands_old: [{ errands: waiting(60) }, { errands: waiting(61) }],
  updates_shelved: [{}, { inbox: { pending: 0, oldest: undefined, shelved: 1 } }],
  errands_shelved: [{}, { errands: { pending: 0, oldest: undefined, shelved: 1 } }],
  pool_exhausted: [
    { pool: { ...healthy.pool, waiting: 9 } },
    { pool: { ...healthy.pool, waiting: 9, exhaustedSince: ago(1) } },
  ],
  kie_refuses: [{}, { selling: { credits: '900', paused: { why: 'key_refused', since: ago(1) } } }],
  losses: [{ losses: losses({ stories: 2, credits: '500' }) }, { losses: losses({ stories: 3 }) }],
  results_away: [
    {},
    {
      results: {
        away: { host: 'files.example', since: ago(1), why: 'no_answer', detail: 'HTTP 503', pausesSelling: true },
      },
    },
  ],
  uploads_away: [{}, { uploads: { away: { since: ago(1), why: 'no_answer', detail: 'HTTP 503' } } }],
  telegram_away: [{}, { telegram: { away: { since: ago(1), why: 'no_answer', detail: 'no answer' } } }],
}

describe('health and the alerts', () => {
  for (const [problem, [below, above]] of Object.entries(thresholds)) {
    it(`name ${problem} at the same figures, and not below`, () => {
      assert.deepEqual(namedBy({ ...healthy, ...below }), { health: [], alerts: [] })
      assert.deepEqual(namedBy({ ...healthy, ...above }), { health: [problem], alerts: [problem] })
    })
  }

  it('name losses that cost more than the setting on one day, however different their causes', () => {
    const dear = { ...healthy, losses: losses({ stories: 1, credits: '500.000001' }) }
    assert.deepEqual(namedBy(dear), { health: ['losses'], alerts: ['losses'] })
  })

  it('fit losses of every cause at once into one message', () => {
    const inRow = (Object.keys(causes) as LossCause[]).map((cause) => {
      return { cause, stories: 3, firstCid: '0000000a', lastDetail: 'x'.repeat(500) }
    })
    const alerts = alertsOf({ ...healthy, losses: { ...losses({}), inRow } })
    assert.deepEqual(
      alerts.map(({ key, size }) => [key, size]),
      [['losses', 3 * inRow.length]],
    )
    assert.ok((alerts[0]?.says.length ?? 0) < 3_000)
  })

  it('know every problem; those that no leader can alert to are named by health alone', () => {
    const unalerted = allProblems.filter((problem) => !(problem in thresholds))
    assert.deepEqual(unalerted, [
      'nobody_active',
      'pool_waiting',
      'database_silent',
      'database_read_only',
      'updates_refused',
    ])
  })
})

function namedBy(seen: Watched) {
  const clock = createTestClock(seen.now)
  const figures: Figures = {
    inbox: { pending: 0, oldest: undefined, shelved: 0, ...seen.inbox, newest: undefined, isReadOnly: false },
    errands: { pending: 0, oldest: undefined, shelved: 0, ...seen.errands },
    losses: seen.losses ?? losses({}),
    pool: seen.pool,
    poolWaited: false,
    at: seen.now,
  }
  const deps: HealthDeps = {
    role: () => 'active',
    epoch: () => seen.leads.epoch,
    isReady: () => true,
    figures: () => figures,
    botMode: 'webhook',
    webhook: () => seen.webhook,
    polling: () => seen.polling,
    selling: () => seen.selling,
    telegram: () => seen.telegram,
    lossCreditsPerDay: seen.lossCreditsPerDay,
    results: () => seen.results,
    uploads: () => seen.uploads,
    isRefused: () => false,
    nobodyActiveMs: () => 0,
    instance,
    version: '0.0.0',
    startedMs: 0,
    activeSince: () => seen.leads.since,
    clock,
  }
  return { health: createHealth(deps).health().problems, alerts: alertsOf(seen).map(({ key }) => key) }
}
