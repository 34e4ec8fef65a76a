import { existsSync, readFileSync } from 'node:fs'
import type { Cost } from './record.ts'

/** The whole run: when it began, how long it took, and the processor time of the database that the tests share. */
export type Run = { readonly beganAt: number; readonly wallMs: number; readonly databaseCpuMs: number }

/**
 * What a test run has cost, the slowest files first: when each began, its processor time and that of the processes it
 * started, and how often each program was started.
 */
export function reportOf(costsFile: string, { beganAt, wallMs, databaseCpuMs }: Run): string {
  const costs = existsSync(costsFile) ? readFileSync(costsFile, 'utf8').trim().split('\n').map(readCost) : []
  const rows = costs
    .toSorted((a, b) => b.wallMs - a.wallMs)
    .map((cost) => {
      const figures = [cost.beganAt - beganAt, cost.wallMs, cost.cpuMs, cost.childrenCpuMs].map(seconds).join('')
      return `${figures}  ${cost.file}  ${startsOf([cost.starts])}`
    })
  const sum = (of: (cost: Cost) => number) => costs.reduce((total, cost) => total + of(cost), 0)
  const cpu = [sum(({ cpuMs }) => cpuMs), sum(({ childrenCpuMs }) => childrenCpuMs)].map(seconds).join('')
  const starts = startsOf(costs.map((cost) => cost.starts))
  return [
    '   began    wall     cpu  cpu of its processes (seconds)',
    ...rows,
    `        ${seconds(wallMs)}${cpu}  all ${costs.length} files  ${starts}`,
    `                ${seconds(databaseCpuMs)}  PostgreSQL`,
  ].join('\n')
}

function readCost(line: string): Cost {
  const cost: Cost = JSON.parse(line)
  return cost
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1).padStart(8)

function startsOf(counts: readonly Cost['starts'][]): string {
  const sums = new Map<string, number>()
  for (const [program, times] of counts.flatMap((each) => Object.entries(each))) {
    sums.set(program, (sums.get(program) ?? 0) + times)
  }
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .map(([program, times]) => `${program} ×${times}`)
    .join(', ')
}
