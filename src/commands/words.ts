import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** Reads what was typed after the name of a command; a word nobody knows is a problem with a sentence, never ignored. */
export function readWords<const O extends ParseArgsOptionsConfig>(words: readonly string[], options: O) {
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
    return { ok: true, values, rest: positionals } as const
  } catch (error) {
    const said = error instanceof Error ? (error.message.split(/\.\s|\n/)[0] ?? '') : String(error)
    return { ok: false, problem: `${said.replace(/\.$/, '')}. See --help.` } as const
  }
}

/** A whole number that was typed, within its bounds. */
export function numberOf(text: string | undefined, { min, max }: { min: number; max: number }): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined
  const number = Number(text)
  return number >= min && number <= max ? number : undefined
}
