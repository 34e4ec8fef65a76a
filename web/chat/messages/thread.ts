import type { Message } from '../api/schema.ts'

/** A chat as it is drawn: its days, and in a day the items. Messages of an album stand together as one. */
export interface Day {
  readonly key: string
  readonly date: number
  readonly items: readonly Item[]
}

export interface Item {
  readonly messages: Group
  /** Its place in a run of one side's messages; the last carries the tail. */
  readonly first: boolean
  readonly last: boolean
}

export type Group = readonly [Message, ...Message[]]

const runPauseSeconds = 300

export function daysOf(messages: readonly Message[], dayKeyOf: (date: number) => string): readonly Day[] {
  const days: { key: string; date: number; items: Item[] }[] = []
  const groups = groupsOf(messages)
  for (const [index, group] of groups.entries()) {
    const [{ date }] = group
    const key = dayKeyOf(date)
    const sameRun = (other: Group | undefined) =>
      other !== undefined && dayKeyOf(other[0].date) === key && isSameRun(other[0], group[0])
    const item: Item = { messages: group, first: !sameRun(groups[index - 1]), last: !sameRun(groups[index + 1]) }
    const open = days.at(-1)
    if (open?.key === key) open.items.push(item)
    else days.push({ key, date, items: [item] })
  }
  return days
}

function groupsOf(messages: readonly Message[]): readonly Group[] {
  const groups: [Message, ...Message[]][] = []
  for (const message of messages) {
    const open = groups.at(-1)
    const album = message.media_group_id
    if (open !== undefined && album !== undefined && open[0].media_group_id === album) open.push(message)
    else groups.push([message])
  }
  return groups
}

function isSameRun(one: Message, other: Message): boolean {
  return (
    one.from === other.from && Math.abs(other.date - one.date) < runPauseSeconds && isService(one) === isService(other)
  )
}

/** A line in the middle of the chat rather than a bubble. */
export const isService = (message: Message): boolean =>
  (message.successful_payment ?? message.refunded_payment ?? message.pinned_message_id) !== undefined
