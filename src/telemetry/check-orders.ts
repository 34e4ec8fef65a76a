import type { EventName } from './events.ts'
import type { LogCheck, Report, Told } from './log-line.ts'

/**
 * The chain of every order under the cid of the tap that placed it: placed with its hold, and the hold captured or
 * given back, exactly once; a captured one was delivered and a released one says why.
 */
type Story = {
  readonly order: string
  readonly line: number
  readonly cid: string | undefined
  readonly seen: Map<EventName, number>
  isCut?: boolean
  /** What was told before what it needs, which may yet come. */
  early: readonly Missing[]
}
type Missing = { readonly needs: EventName; readonly at: number; readonly tell: () => void }

/**
 * The step that places an order tells of it when it knows that it is committed. By then the job of the order may have
 * begun, and told something first.
 */
const placing: readonly EventName[] = ['ORDER_PLACED', 'HOLD_PLACED']
const earlyMsMax = 2_000

/** What must have been told of an order before this may be. */
const needed: Partial<Record<EventName, EventName>> = {
  HOLD_PLACED: 'ORDER_PLACED',
  KIE_TASK_CREATED: 'HOLD_PLACED',
  ORDER_UNCERTAIN: 'HOLD_PLACED',
  HOLD_CAPTURED: 'HOLD_PLACED',
  HOLD_RELEASED: 'HOLD_PLACED',
  ORDER_COMPLETED: 'HOLD_CAPTURED',
  ORDER_RELEASED: 'HOLD_RELEASED',
  REFUNDED: 'HOLD_CAPTURED',
}
const once: readonly EventName[] = [
  'ORDER_PLACED',
  'HOLD_PLACED',
  'HOLD_CAPTURED',
  'HOLD_RELEASED',
  'ORDER_COMPLETED',
  'ORDER_RELEASED',
  'REFUNDED',
]

export function createOrderCheck(report: Report, settled: boolean): LogCheck {
  const stories = new Map<string, Story>()
  /** Whether stories may have begun where nobody saw it. */
  let isCut = true
  /** Whether stories that begin here may go on elsewhere. */
  let isShared = false

  function hear({ event, fields, line, at }: Told): void {
    const { order_id: order, cid } = fields
    if (order === undefined) return
    const known = stories.get(order)
    const isOpen = isShared || (isCut && event !== 'ORDER_PLACED')
    const story: Story = known ?? { order, line, cid, seen: new Map(), early: [], ...(isOpen ? { isCut: true } : {}) }
    stories.set(order, story)
    for (const each of story.early) if (each.needs === event && at - each.at > earlyMsMax) each.tell()
    story.early = story.early.filter(({ needs }) => needs !== event)
    const misses = (needs: EventName, tell: () => void) => {
      if (placing.includes(needs)) story.early = [...story.early, { needs, at, tell }]
      else tell()
    }
    if (known === undefined && event !== 'ORDER_PLACED' && !isCut) {
      misses('ORDER_PLACED', () => report(line, `${event} of order ${order} without an ORDER_PLACED before it`, cid))
    }
    if (cid !== undefined && story.cid !== undefined && cid !== story.cid) {
      report(line, `${event} of order ${order} has another cid than its beginning (${story.cid})`, cid)
    }
    const before = needed[event]
    if (before !== undefined && !story.seen.has(before) && !story.isCut && known !== undefined) {
      misses(before, () => report(line, `${event} of order ${order} without ${before} before it`, cid))
    }
    const times = (story.seen.get(event) ?? 0) + 1
    story.seen.set(event, times)
    if (event === 'ORDER_COMPLETED' && !story.isCut && !wasBrought(story)) {
      report(line, `ORDER_COMPLETED of order ${order} without RESULT_DELIVERED before it`, cid)
    }
    if (times > 1 && once.includes(event)) report(line, `${event} of order ${order} was told ${times} times`, cid)
    const other = otherEnd(event)
    if (other !== undefined && story.seen.has(other)) {
      report(line, `the hold of order ${order} was captured and given back`, cid)
    }
  }

  function cut(): void {
    isCut = true
    for (const story of stories.values()) if (!isEnded(story)) story.isCut = true
  }

  return {
    hear,
    cut,
    shares(withOthers) {
      isShared = withOthers
      if (withOthers) cut()
    },
    isWhole: () => {
      isCut = false
    },
    end() {
      for (const { early } of stories.values()) for (const { tell } of early) tell()
      if (!settled) return
      for (const story of stories.values()) {
        if (isEnded(story) || story.isCut) continue
        report(story.line, `order ${story.order} has no end: ${[...story.seen.keys()].join(', ')}`, story.cid)
      }
    },
  }
}

function otherEnd(event: EventName): EventName | undefined {
  if (event === 'HOLD_CAPTURED') return 'HOLD_RELEASED'
  return event === 'HOLD_RELEASED' ? 'HOLD_CAPTURED' : undefined
}

/** Delivered; or, to somebody who has blocked the bot, offered for a week. */
const wasBrought = ({ seen }: Story): boolean => seen.has('RESULT_DELIVERED') || seen.has('RESULT_NOT_DELIVERED')

const isEnded = ({ seen }: Story): boolean => seen.has('ORDER_COMPLETED') || seen.has('ORDER_RELEASED')
