import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { dayKeyOf, dayOf } from '../../shared/format.ts'
import { Icon } from '../../shared/icons.tsx'
import { gently } from '../../shared/motion.ts'
import type { Bot, Message, Person } from '../api/schema.ts'
import { Bubble } from '../messages/bubble.tsx'
import { OutgoingBubble } from '../messages/outgoing-bubble.tsx'
import { ServiceLine } from '../messages/service-line.tsx'
import { daysOf, isService } from '../messages/thread.ts'
import { Avatar } from '../parts/avatar.tsx'
import type { Outgoing } from '../state/chat-store.ts'
import './message-list.css'

interface MessageListProps {
  readonly bot: Bot
  readonly person: Person
  readonly loaded: boolean
  readonly messages: readonly Message[]
  readonly outgoing: readonly Outgoing[]
  /** The newest message stands before the person's eyes. */
  readonly onSeen: () => void
  readonly onDismiss: (key: number) => void
}

/** Older messages are drawn as one scrolls up, so that a long chat opens as fast as a short one. */
const shownAtFirst = 120
const shownMore = 120
const bottomNearPx = 80
const restMs = 900

export function MessageList({ bot, person, loaded, messages, outgoing, onSeen, onDismiss }: MessageListProps) {
  const [shown, setShown] = useState(shownAtFirst)
  const drawn = useMemo(() => messages.slice(-shown), [messages, shown])
  const days = useMemo(() => daysOf(drawn, dayKeyOf), [drawn])
  const lastOfBot = messages.findLast(({ from }) => from === 'bot')?.message_id ?? 0
  const { frame, content, below, toBottom } = useStickToBottom(messages, outgoing.length, onSeen)
  const showMore = () => setShown((count) => count + shownMore)

  return (
    <div className="list">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region has to be reachable by keyboard. */}
      <div className="list__frame" ref={frame} role="log" aria-label="Messages" tabIndex={0}>
        <div className="list__content" ref={content}>
          {messages.length > drawn.length && <Earlier frame={frame} onReached={showMore} />}
          {loaded && messages.length === 0 && outgoing.length === 0 && <Greeting bot={bot} person={person} />}
          {days.map(({ key, date, items }) => (
            <section key={key} className="list__part">
              <h3 className="list__day">
                <span>{dayOf(date)}</span>
              </h3>
              {items.map(({ messages: group, first, last }) =>
                isService(group[0]) ? (
                  <ServiceLine key={group[0].message_id} message={group[0]} bot={bot} />
                ) : (
                  <Bubble
                    key={group[0].message_id}
                    messages={group}
                    first={first}
                    last={last}
                    ticks={group[0].from === 'bot' ? undefined : group[0].message_id < lastOfBot ? 'seen' : 'sent'}
                  />
                ),
              )}
            </section>
          ))}
          {outgoing.map((one) => (
            <OutgoingBubble key={one.key} outgoing={one} onDismiss={() => onDismiss(one.key)} />
          ))}
        </div>
      </div>
      <button
        type="button"
        className={below === undefined ? 'list__jump' : 'list__jump list__jump--shown'}
        aria-label={below ? `${below} new, go to the newest message` : 'Go to the newest message'}
        inert={below === undefined}
        onClick={toBottom}
      >
        <Icon name="down" />
        {below !== undefined && below > 0 && <span className="badge">{below}</span>}
      </button>
    </div>
  )
}

/**
 * Keeps the newest message in view while the person reads there, also when pictures above it grow; leaves the place
 * alone when they read further up, and counts what arrives below (`below`; undefined at the bottom).
 */
function useStickToBottom(messages: readonly Message[], outgoingCount: number, onSeen: () => void) {
  const frame = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const sticks = useRef(true)
  const opened = useRef(false)
  const [seenId, setSeenId] = useState<number>()
  const newest = messages.at(-1)?.message_id ?? 0
  const newestNow = useRef(newest)
  newestNow.current = newest

  const toBottom = useCallback((behavior: ScrollBehavior = gently()) => {
    frame.current?.scrollTo({ top: frame.current.scrollHeight, behavior })
  }, [])

  useEffect(() => {
    const [outer, inner] = [frame.current, content.current]
    if (outer === null || inner === null) return
    let lastTop = 0
    let rest: ReturnType<typeof setTimeout> | undefined
    const onScroll = () => {
      // The style sheet shows the day that floats over the messages only while they move.
      outer.dataset['scrolling'] = ''
      clearTimeout(rest)
      rest = setTimeout(() => delete outer.dataset['scrolling'], restMs)
      // Only going up lets go: a smooth scroll on its way down is not there yet, and yet it sticks.
      const nearBottom = outer.scrollHeight - outer.scrollTop - outer.clientHeight < bottomNearPx
      sticks.current = nearBottom || (sticks.current && outer.scrollTop >= lastTop)
      lastTop = outer.scrollTop
      setSeenId((seen) => (sticks.current ? undefined : (seen ?? newestNow.current)))
    }
    const growth = new ResizeObserver(() => {
      if (sticks.current) toBottom(opened.current ? gently() : 'instant')
    })
    outer.addEventListener('scroll', onScroll, { passive: true })
    growth.observe(inner)
    growth.observe(outer)
    return () => {
      outer.removeEventListener('scroll', onScroll)
      growth.disconnect()
      clearTimeout(rest)
    }
  }, [toBottom])

  // What the person sends is always shown to them.
  useLayoutEffect(() => {
    if (outgoingCount === 0) return
    sticks.current = true
    toBottom()
  }, [outgoingCount, toBottom])

  useLayoutEffect(() => {
    if (newest === 0) return
    if (!opened.current) toBottom('instant')
    opened.current = true
    if (sticks.current) onSeen()
  }, [newest, onSeen, toBottom])

  useEffect(() => {
    if (seenId === undefined) onSeen()
  }, [seenId, onSeen])

  const below =
    seenId === undefined
      ? undefined
      : messages.filter(({ from, message_id }) => from === 'bot' && message_id > seenId).length
  return { frame, content, below, toBottom: () => toBottom() }
}

/** Draws older messages when its place comes into view, and holds the scroll position while they are put above. */
function Earlier({
  frame,
  onReached,
}: {
  readonly frame: React.RefObject<HTMLDivElement | null>
  readonly onReached: () => void
}) {
  const mark = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const watcher = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) onReached()
      },
      { root: frame.current, rootMargin: '400px' },
    )
    if (mark.current !== null) watcher.observe(mark.current)
    return () => watcher.disconnect()
  })
  return (
    <button type="button" ref={mark} className="list__earlier" onClick={onReached}>
      Earlier messages
    </button>
  )
}

function Greeting({ bot, person }: { readonly bot: Bot; readonly person: Person }) {
  const description = bot.descriptions?.[person.language_code ?? ''] ?? bot.descriptions?.['default']
  return (
    <div className="greeting">
      <Avatar id={bot.id} name={bot.first_name} size={84} />
      <h2>{bot.first_name}</h2>
      <p className="greeting__name">@{bot.username}</p>
      {description === undefined ? (
        <p>No messages here yet. Press Start below to begin.</p>
      ) : (
        <>
          <h3>What can this bot do?</h3>
          <p className="greeting__about" dir="auto">
            {description}
          </p>
        </>
      )}
    </div>
  )
}
