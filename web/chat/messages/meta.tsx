import { fullTimeOf, timeOf } from '../../shared/format.ts'
import type { Message } from '../api/schema.ts'
import './meta.css'

/** One tick: the message is sent. Two: the bot has done something since. */
export type Ticks = 'sent' | 'seen'

interface MetaProps {
  readonly message: Pick<Message, 'date' | 'edited'>
  readonly ticks: Ticks | 'sending' | 'failed' | undefined
  /** On top of a picture rather than at the end of a text. */
  readonly overlay?: boolean
}

export function Meta({ message: { date, edited }, ticks, overlay = false }: MetaProps) {
  return (
    <span className={overlay ? 'meta meta--overlay' : 'meta'}>
      {edited && <span>edited</span>}
      <time dateTime={new Date(date * 1000).toISOString()} title={fullTimeOf(date)}>
        {timeOf(date)}
      </time>
      {ticks !== undefined && <TickMarks ticks={ticks} />}
    </span>
  )
}

const tickLabels = { sent: 'Sent', seen: 'Seen', sending: 'Sending', failed: 'Not sent' } satisfies Record<
  string,
  string
>

function TickMarks({ ticks }: { readonly ticks: NonNullable<MetaProps['ticks']> }) {
  return (
    <svg
      className={`ticks ticks--${ticks}`}
      role="img"
      aria-label={tickLabels[ticks]}
      width="17"
      height="11"
      viewBox="0 0 17 11"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {ticks === 'sending' && (
        <>
          <circle cx="10" cy="5.5" r="4.5" />
          <path d="M10 3v2.8l1.8 1" />
        </>
      )}
      {ticks === 'failed' && (
        <>
          <circle cx="10" cy="5.5" r="4.5" />
          <path d="M10 3v3m0 2v.1" />
        </>
      )}
      {ticks === 'sent' && <path d="m5.5 6 3.2 3.2L15.5 2" />}
      {ticks === 'seen' && (
        <>
          <path d="m1 6 3.2 3.2L11 2" />
          <path d="m8.2 8.6.6.6L15.8 2" />
        </>
      )}
    </svg>
  )
}
