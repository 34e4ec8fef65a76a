import { existsSync, readFileSync } from 'node:fs'
import type { Cost } from './record.ts'

/** What a test run has cost, the slowest files first, and how often each program was started. */
export function reportOf(costsFile: string, wallMs: number): string {
  const costs = existsSync(costsFile) ? readFileSync(costsFile, 'utf8').trim().split('\n').map(readCost) : []
  const rows = costs
    .toSorted((a, b) => b.wallMs - a.wallMs)
    .map(({ file, wallMs: wall, cpuMs, childrenCpuMs, starts }) =>
      [seconds(wall), seconds(cpuMs), seconds(childrenCpuMs), `  ${file}  ${startsOf([starts])}`].join(''),
    )
  const sum = (of: (cost: Cost) => number) => costs.reduce((total, cost) => total + of(cost), 0)
  const total = [
    seconds(wallMs),
    seconds(sum(({ cpuMs }) => cpuMs)),
    seconds(sum(({ childrenCpuMs }) => childrenCpuMs)),
    `  all ${costs.length} files  ${startsOf(costs.map(({ starts }) => starts))}`,
  ].join('')
  return ['   wall     cpu  cpu of its processes (seconds)', ...rows, total].join('\n')
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
