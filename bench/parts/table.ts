/** One line of a result: what was measured, beside what it is measured against, and whether the aim is met. */
export type Line = {
  readonly figure: string
  readonly ours: string
  readonly baseline?: string
  readonly ratio?: number
  readonly aim?: { readonly text: string; readonly met: boolean }
}

/** The ratio of two figures of the same run, with the aim it is held to. */
export function compared(
  figure: string,
  [ours, baseline]: readonly [number, number],
  show: (value: number) => string,
  aim?: { readonly atLeast: number } | { readonly atMost: number },
): Line {
  const ratio = ours / baseline
  const line = { figure, ours: show(ours), baseline: show(baseline), ratio }
  if (aim === undefined) return line
  const [text, met] =
    'atLeast' in aim
      ? [`at least ${aim.atLeast}`, ratio >= aim.atLeast]
      : [`at most ${aim.atMost}`, ratio <= aim.atMost]
  return { ...line, aim: { text, met } }
}

/** A figure that is held to a limit of its own. */
export function limited(figure: string, value: number, limit: number, show: (value: number) => string): Line {
  return { figure, ours: show(value), aim: { text: `at most ${show(limit)}`, met: value <= limit } }
}

export const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`
export const seconds = (value: number): string => `${value.toFixed(2)} s`
export const perSecond = (value: number): string => `${Math.round(value)}/s`
export const mb = (value: number): string => `${Math.round(value)} MB`

export function printTable(title: string, lines: readonly Line[]): void {
  const rows = [
    ['', 'figure', 'baseline', 'ratio', 'aim', ''],
    ...lines.map(({ figure, ours, baseline = '', ratio, aim }) => [
      figure,
      ours,
      baseline,
      ratio === undefined ? '' : ratio.toFixed(2),
      aim?.text ?? '',
      aim === undefined ? '' : aim.met ? 'met' : 'not met',
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const text = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  console.log(`\n${title}\n\n${text.map((row) => `  ${row.trimEnd()}`).join('\n')}\n`)
}
