import { sizeOf } from '../../shared/format.ts'
import { Icon } from '../../shared/icons.tsx'
import type { Outgoing } from '../state/chat-store.ts'
import { Meta } from './meta.tsx'

/** What the person just sent, until the sandbox has it; or what it refused, to try again or let go. */
export function OutgoingBubble({
  outgoing,
  onDismiss,
}: {
  readonly outgoing: Outgoing
  readonly onDismiss: () => void
}) {
  const { text, file, date, problem, retry } = outgoing
  const failed = problem !== undefined
  const meta = <Meta message={{ date, edited: false }} ticks={failed ? 'failed' : 'sending'} />
  return (
    <article className="message message--person message--last message--first">
      <div className="message__column">
        <div className="bubble">
          {file?.preview !== undefined && <img className="outgoing__preview" src={file.preview} alt="" />}
          {file !== undefined && file.preview === undefined && (
            <div className="file">
              <span className="disc disc--busy">
                <Icon name="document" />
              </span>
              <span className="file__about">
                <strong>{file.name}</strong>
                <span>{sizeOf(file.size)}</span>
              </span>
            </div>
          )}
          <div className="bubble__text" dir="auto">
            {text}
            {meta}
          </div>
        </div>
        {failed && (
          <p className="outgoing__problem" role="alert">
            <span>{problem}</span>
            <button type="button" onClick={retry}>
              Try again
            </button>
            <button type="button" onClick={onDismiss}>
              Remove
            </button>
          </p>
        )}
      </div>
    </article>
  )
}
