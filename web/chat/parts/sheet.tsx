import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Icon } from '../../shared/icons.tsx'
import './sheet.css'

interface SheetProps {
  readonly title: string
  readonly onClose: () => void
  readonly testId?: string
  readonly children: ReactNode
}

/**
 * A question over one chat, which leaves the chat beside it usable. Escape, the cross and a click outside close it; the
 * focus starts inside and stays there (what lies below is made inert by the pane).
 */
export function Sheet({ title, onClose, testId, children }: SheetProps) {
  const titleId = useId()
  const closeNow = useRef(onClose)
  closeNow.current = onClose
  const card = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const shown = card.current
    const wanted = shown?.querySelector<HTMLElement>('input:not([type="checkbox"]), .button')
    ;(wanted ?? shown)?.focus()
    // On the document, because a button that is disabled while it works gives its focus to nobody.
    const onKeyDown = ({ key }: KeyboardEvent) => {
      const focus = document.activeElement
      const elsewhere = focus !== null && focus !== document.body && shown?.contains(focus) === false
      if (key === 'Escape' && !elsewhere) closeNow.current()
    }
    addEventListener('keydown', onKeyDown)
    return () => removeEventListener('keydown', onKeyDown)
  }, [])
  return (
    <div className="sheet">
      <button type="button" className="sheet__veil" tabIndex={-1} aria-label="Back to the chat" onClick={onClose} />
      <div
        ref={card}
        className="sheet__card"
        role="dialog"
        aria-modal="true"
        aria-labelledby={titleId}
        tabIndex={-1}
        data-testid={testId}
      >
        <header className="sheet__head">
          <h2 id={titleId}>{title}</h2>
          <button type="button" className="round" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </div>
  )
}
