import type { Writable } from 'node:stream'

/**
 * Writes the lines of the log to standard output and never waits for its reader. The lines of one turn of the event
 * loop are one write. What the reader has not taken yet is kept up to a limit; the lines beyond it are dropped and
 * counted, and the count is told as soon as the reader takes lines again.
 *
 * `process.stdout` does not block on a pipe, because Node sets O_NONBLOCK there. A file or a terminal is written at
 * once.
 */
export type LogWriter = {
  /** Takes one line, complete with its line end. */
  write(line: string): void
  /** Gives the stream what waits for the end of this turn. For the last lines of a process that ends now. */
  flush(): void
}

/** A minute of a busy service, and little beside the memory that it has. */
export const bufferCharactersMax = 1024 * 1024
export const bufferLinesMax = 10_000

/** `onDropped` is called when lines can be written again; what it tells becomes a line like any other. */
export function createLogWriter(out: Writable, onDropped: (count: number) => void): LogWriter {
  let turn: string[] = []
  let turnCharacters = 0
  /** What was given to the stream and is not written yet, and what waits for the end of the turn. */
  let lines = 0
  let characters = 0
  let dropped = 0
  // A reader that is gone, or a full disk, ends nothing; each write says by itself whether it failed.
  out.on('error', () => {})

  function flush(): void {
    const [count, size] = [turn.length, turnCharacters]
    if (count === 0) return
    const text = turn.join('')
    turn = []
    turnCharacters = 0
    out.write(text, (error) => {
      lines -= count
      characters -= size
      if (error) dropped += count
      else if (dropped > 0 && characters < bufferCharactersMax / 2 && lines < bufferLinesMax / 2) emitDropped()
    })
  }

  function emitDropped(): void {
    const count = dropped
    dropped = 0
    onDropped(count)
  }

  return {
    write(line) {
      if (lines >= bufferLinesMax || characters + line.length > bufferCharactersMax) {
        dropped += 1
        return
      }
      if (turn.length === 0) setImmediate(flush)
      turn.push(line)
      turnCharacters += line.length
      lines += 1
      characters += line.length
    },
    flush,
  }
}
