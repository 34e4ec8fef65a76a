import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { it } from 'node:test'
import { createMetrics } from '../../src/telemetry/metrics.ts'

/** The dashboard asks for figures that exist, and shows every one of ours. */
const dashboard = readFileSync(path.resolve(import.meta.dirname, '../../docs/grafana.json'), 'utf8')

async function metricNames(): Promise<ReadonlySet<string>> {
  const silent = { emit: () => undefined, caught: () => undefined, listen: () => undefined }
  const metrics = createMetrics(silent, () => ({
    isActive: false,
    epoch: undefined,
    webhookVerified: false,
    webhookPending: undefined,
    inbox: { pending: 0, oldestS: 0, shelved: 0 },
    errands: { pendingByKind: new Map(), oldestS: 0, shelved: 0 },
    pool: { inUse: 0, idle: 0, waiting: 0 },
    kieCredits: undefined,
  }))
  return new Set([...(await metrics.text()).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name))
}

const asked = new Set(
  [...dashboard.matchAll(/\b(?:trt|process|nodejs)_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, '')),
)

it('the Grafana dashboard asks only for figures that the service has', async () => {
  const names = await metricNames()
  assert.deepEqual(
    [...asked].filter((name) => !names.has(name)),
    [],
  )
})

it('the Grafana dashboard shows every figure of ours', async () => {
  const names = await metricNames()
  assert.deepEqual(
    [...names].filter((name) => name.startsWith('trt_') && !asked.has(name)),
    [],
  )
})
