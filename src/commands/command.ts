import type { Clock } from '../kit/clock.ts'

/** One command of `trt`. Its last line says what to do next; it resolves with the exit code. */
export type Command = {
  readonly summary: string
  /** What `--help` prints after the summary. */
  readonly usage: string
  readonly run: (context: CommandContext) => Promise<number>
}

/** What a command has of the process; only `main.ts` knows the process itself. */
export type CommandContext = {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly host: string
  readonly version: string
  readonly clock: Clock
  /** Aborts at SIGTERM or SIGINT; the reason is the name of the signal. */
  readonly signal: AbortSignal
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
  /** Standard input, for a command that was told to read it. */
  readonly input: () => NodeJS.ReadableStream
  /** Prints as it is, secrets too; absent unless standard output is a terminal, where somebody asked to see them. */
  readonly reveal?: (line: string) => void
  /** The log: one line an event, complete with its line end. */
  readonly log: (line: string) => void
  /** `tell` is called with the number of lines that were dropped while nobody read the log, once it is read again. */
  readonly onLogDropped: (tell: (count: number) => void) => void
  /** Called with what nobody caught; the command ends itself and the process with 1. */
  readonly onUncaught: (handle: (error: unknown) => void) => void
}
