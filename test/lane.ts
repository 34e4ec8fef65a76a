import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { beginFile } from './costs/record.ts'

/**
 * Test files one after the other in one process, which loads the service once. Each is read when its turn comes, inside
 * a test of its own, so its hooks are for its own tests and what it opened is closed before the next one begins.
 */
export function runInTurn(files: readonly string[]): void {
  for (const file of files) {
    test(file, async () => {
      beginFile(file)
      await import(pathToFileURL(file).href)
    })
  }
}
