import { sqlOf } from '../storage/postgres/store.ts'
import { readStory } from '../storage/postgres/story.ts'
import type { Command } from './command.ts'
import { withDatabase } from './with-database.ts'

export const story: Command = {
  summary: 'Everything of one cid from the database, in order.',
  usage: '  CID   eight hex digits, from a log line or from the message a person quotes',
  async run(context) {
    const { words, complain, print } = context
    const cid = words[0]?.replace(/^cid=/, '') ?? ''
    if (!/^[0-9a-f]{8}$/.test(cid)) {
      complain('Say which story: trt story 1a2b3c4d (the cid of a log line)')
      return 1
    }
    return await withDatabase(context, async ({ work, schema }) => {
      const chapters = await readStory(sqlOf(work), schema, cid)
      if (chapters.length === 0) {
        complain(`Nothing is kept under ${cid}. Handled updates are forgotten after seven days.`)
        return 1
      }
      for (const { at, what, detail } of chapters) print(`${new Date(at).toISOString()}  ${what.padEnd(6)}  ${detail}`)
      print(`The log has the rest: filter it by cid=${cid}.`)
      return 0
    })
  },
}
