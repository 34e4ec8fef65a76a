import type { Entity } from '../model.ts'

/** Finds what Telegram marks by itself: commands, addresses, mentions, hashtags and e-mail addresses. */
export function detectEntities(text: string, given: readonly Entity[]): readonly Entity[] {
  const found: Entity[] = []
  // Inside code and links nothing is marked.
  const isTaken = coverage(
    given.filter(({ type }) => ['code', 'pre', 'text_link', 'text_mention'].includes(type)),
    text.length,
  )
  for (const [type, pattern] of patterns) {
    for (const match of text.matchAll(pattern)) {
      const { index } = match
      const end = index + match[0].length
      if (isTaken.subarray(index, end).includes(1)) continue
      isTaken.fill(1, index, end)
      found.push({ type, offset: index, length: end - index })
    }
  }
  return found
}

const patterns = [
  [
    'url',
    /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]|(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|dev|ru|me|app)(?:\/[^\s<>"']*[^\s<>"'.,;:!?)\]])?(?![\w-])/gi,
  ],
  ['email', /(?<![\w.+-])[\w.+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+/gi],
  ['bot_command', /(?<![\w/<>])\/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])/g],
  ['mention', /(?<![\w`])@[A-Za-z0-9_]{3,32}(?!\w)/g],
  ['hashtag', /(?<![\p{L}\p{N}_#])#(?=[\p{L}\p{N}_]*\p{L})[\p{L}\p{N}_]{1,256}/gu],
] as const

/** A cell for each UTF-16 unit: 1 where one of the entities is. As many steps as there are units and entities. */
function coverage(entities: readonly Entity[], length: number): Uint8Array {
  const depthChanges = new Int32Array(length + 1)
  for (const { offset, length: units } of entities) {
    depthChanges[offset] = (depthChanges[offset] ?? 0) + 1
    depthChanges[offset + units] = (depthChanges[offset + units] ?? 0) - 1
  }
  let depth = 0
  return Uint8Array.from({ length }, (_, index) => {
    depth += depthChanges[index] ?? 0
    return depth > 0 ? 1 : 0
  })
}
