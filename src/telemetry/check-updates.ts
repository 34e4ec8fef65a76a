import type { EventName } from './events.ts'
import type { LogCheck, Report, Told } from './log-line.ts'

/**
 * The chain of every update under its one cid: received, for a tap its button's way, handled once; and a screen that
 * was drawn is shown, or it is said why not, within ten seconds. A newer screen of the same person stands for an older
 * one that was never sent.
 */
type Story = {
  readonly cid: string
  line: number
  at: number
  kind?: string
  person?: string
  isDuplicate?: boolean
  handled?: boolean
  /** Where a tap is on its way. */
  tap?: EventName
  verdicts: number
  /** The line of the newest thing that wants to be answered by a screen. */
  askedLine?: number
  isCut?: boolean
  /** Its screen was due while Telegram was away. */
  isHeld?: boolean
  /** What was told of it before its reception, which may yet come. */
  readonly early?: { readonly at: number; readonly tell: () => void }
}

const silenceMs = 10_000
/** Who looks for what waits may find an update, and tell of it, before its reception has heard of the commit. */
const earlyMsMax = 2_000
const tapWay: Partial<Record<EventName, EventName | undefined>> = {
  CALLBACK_RECEIVED: undefined,
  CALLBACK_ROUTED: 'CALLBACK_RECEIVED',
  CALLBACK_ACCEPTED: 'CALLBACK_ROUTED',
  CALLBACK_REJECTED: 'CALLBACK_ROUTED',
}

export function createUpdateCheck(report: Report, settled: boolean): LogCheck {
  const stories = new Map<string, Story>()
  /** Those that still wait for a screen, oldest first. */
  const waiting = new Map<string, Story>()
  /** People whom Telegram would not show something: until it does again, their silence is explained. */
  const unreachable = new Set<string>()
  let isAway = false
  /** Whether stories may have begun where nobody saw it. */
  let isCut = true
  /** Whether stories that begin here may go on elsewhere. */
  let isShared = false
  /** What was shown too late, and when; a silence that ends with the leadership was another instance's to end. */
  let late: readonly { readonly story: Story; readonly at: number; readonly howLong: string }[] = []
  let now = 0

  function hear(told: Told): void {
    const { event, fields, at } = told
    const { cid } = fields
    now = at
    if (event === 'TELEGRAM_AWAY') goAway()
    else if (event === 'TELEGRAM_BACK') isAway = false
    if (cid === undefined) return
    if (event === 'UPDATE_RECEIVED') receive(told, cid)
    else if (isOfUpdates(event)) goOn(stories.get(cid) ?? begin(told, cid), told)
  }

  /** What is drawn now is shown when Telegram is back. */
  function goAway(): void {
    isAway = true
    for (const story of waiting.values()) story.isHeld = true
  }

  function goOn(story: Story, told: Told): void {
    const { event, line } = told
    if (story.isDuplicate) report(line, `${event} of an update that had been received before`, story.cid)
    if (event in tapWay) passTap(story, event, line)
    if (event === 'DISPATCH_OK' || event === 'UPDATE_SHELVED') finish(story, line)
    if (event === 'UI_SHOWN' || event === 'UI_NOT_SHOWN') show(story, told)
    if (asks(event)) ask(story, told)
  }

  function receive({ fields, line, at }: Told, cid: string): void {
    const { early, ...known }: Story = stories.get(cid) ?? { cid, line, at, verdicts: 0 }
    if (known.kind !== undefined) report(line, 'two updates were received under this cid', cid)
    if (early !== undefined && at - early.at > earlyMsMax) early.tell()
    const story: Story = {
      ...known,
      line,
      at,
      kind: fields['kind'] ?? '',
      ...(fields['user_id'] === undefined ? {} : { person: fields['user_id'] }),
      ...(fields['duplicate'] === 'true' ? { isDuplicate: true } : {}),
      ...(isShared ? { isCut: true } : {}),
    }
    stories.set(cid, story)
    if (waiting.has(cid)) waiting.set(cid, story)
  }

  /** A story whose reception is not in this log. */
  function begin({ event, line, at }: Told, cid: string): Story {
    const tell = () => report(line, `${event} without an UPDATE_RECEIVED before it`, cid)
    const isEarly = !isCut && event !== 'UI_NOT_SHOWN'
    const story: Story = {
      cid,
      line,
      at,
      verdicts: 0,
      ...(isCut ? { isCut } : {}),
      ...(isEarly ? { early: { at, tell } } : {}),
    }
    stories.set(cid, story)
    return story
  }

  function passTap(story: Story, event: EventName, line: number): void {
    const before = tapWay[event]
    if (story.tap !== before && !story.isCut) report(line, `${event} follows ${story.tap ?? 'nothing'}`, story.cid)
    if (event === 'CALLBACK_ACCEPTED' || event === 'CALLBACK_REJECTED') story.verdicts += 1
    story.tap = event
  }

  function finish(story: Story, line: number): void {
    if (story.handled) report(line, 'the update was handled twice', story.cid)
    story.handled = true
    if (story.kind === 'callback_query' && story.verdicts !== 1 && !story.isCut) {
      report(line, `a tap was handled with ${story.verdicts} verdicts (ACCEPTED or REJECTED)`, story.cid)
    }
  }

  function ask(story: Story, { line, at }: Told): void {
    story.askedLine = line
    story.at = at
    story.isHeld = isAway
    waiting.delete(story.cid)
    waiting.set(story.cid, story)
  }

  function show(story: Story, { event, at }: Told): void {
    const { person } = story
    if (person !== undefined) {
      if (event === 'UI_NOT_SHOWN') unreachable.add(person)
      else unreachable.delete(person)
    }
    for (const each of waiting.values()) {
      const isSuperseded = each.person === person && (each.askedLine ?? 0) < (story.askedLine ?? 0)
      if (each !== story && (person === undefined || !isSuperseded)) continue
      waiting.delete(each.cid)
      const waitedMs = at - each.at
      if (waitedMs <= silenceMs || each.isHeld === true || isExplained(each)) continue
      late = [...late, { story: each, at, howLong: `for ${Math.round(waitedMs / 1000)} s` }]
    }
  }

  const isExplained = ({ isCut: wasCut, person }: Story): boolean =>
    wasCut === true || (person !== undefined && unreachable.has(person))

  function tellSilence(story: Story, howLong: string): void {
    report(story.askedLine ?? story.line, `silence: nothing was shown ${howLong}`, story.cid)
  }

  function cut(): void {
    isCut = true
    for (const story of stories.values()) if (!story.handled || waiting.has(story.cid)) story.isCut = true
  }

  return {
    hear,
    cut,
    shares(withOthers) {
      isShared = withOthers
      if (!withOthers) return
      late = late.filter(({ at }) => now - at > silenceMs)
      cut()
    },
    isWhole: () => {
      isCut = false
    },
    end(lastAt) {
      for (const { early, isCut: wasCut } of stories.values()) if (wasCut !== true) early?.tell()
      for (const { story, howLong } of late) tellSilence(story, howLong)
      for (const story of waiting.values()) {
        if (isExplained(story) || (story.isHeld === true && isAway) || (!settled && lastAt - story.at <= silenceMs))
          continue
        tellSilence(story, 'until the end of the log')
      }
      for (const { cid, kind, handled, isDuplicate, isCut: wasCut, line, at } of stories.values()) {
        if (kind === undefined || handled || isDuplicate || wasCut) continue
        if (settled || lastAt - at > silenceMs) report(line, 'the update was received and never handled', cid)
      }
    },
  }
}

function asks(event: EventName): boolean {
  return (
    event === 'UI_RENDER' || event === 'COMMAND_RECEIVED' || event === 'MESSAGE_RECEIVED' || event === 'UPDATE_SHELVED'
  )
}

const isOfUpdates = (event: EventName): boolean =>
  event in tapWay || asks(event) || event === 'DISPATCH_OK' || event === 'UI_SHOWN' || event === 'UI_NOT_SHOWN'
