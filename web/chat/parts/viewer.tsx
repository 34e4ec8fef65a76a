import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { Icon } from '../../shared/icons.tsx'
import type { Viewed } from '../panes/actions.ts'
import './viewer.css'

interface ViewerProps {
  readonly pictures: readonly Viewed[]
  readonly index: number
  readonly onClose: () => void
}

/** One picture on the whole screen; arrows go through an album, Escape or a click beside the picture closes. */
export function Viewer({ pictures, index, onClose }: ViewerProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [at, setAt] = useState(index)
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  const shown = pictures[at]
  if (shown === undefined) return null

  const step = (by: number) => setAt((before) => (before + by + pictures.length) % pictures.length)
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === 'ArrowRight') step(1)
    if (key === 'ArrowLeft') step(-1)
  }
  return (
    <dialog
      ref={dialog}
      className="viewer"
      aria-label="Photo"
      data-testid="viewer"
      onClose={onClose}
      onKeyDown={onKeyDown}
      onClick={({ target, currentTarget }) => {
        if (target instanceof Element && target.closest('button, a, img, figcaption') === null) currentTarget.close()
      }}
    >
      <header className="viewer__head">
        <span>{pictures.length > 1 && `${at + 1} of ${pictures.length}`}</span>
        <a
          className="round"
          href={shown.media.url}
          download={shown.media.file_name ?? 'photo'}
          aria-label="Download the photo"
        >
          <Icon name="download" />
        </a>
        <button type="button" className="round" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <figure className="viewer__stage">
        <img key={shown.media.url} src={shown.media.url} alt={shown.caption ?? 'Photo'} />
        {shown.caption !== undefined && <figcaption dir="auto">{shown.caption}</figcaption>}
      </figure>
      {pictures.length > 1 && (
        <>
          <button
            type="button"
            className="viewer__step viewer__step--back"
            aria-label="Previous photo"
            onClick={() => step(-1)}
          >
            <Icon name="down" size={30} />
          </button>
          <button
            type="button"
            className="viewer__step viewer__step--on"
            aria-label="Next photo"
            onClick={() => step(1)}
          >
            <Icon name="down" size={30} />
          </button>
        </>
      )}
    </dialog>
  )
}
