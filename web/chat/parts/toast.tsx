import { type ReactNode, useCallback, useEffect, useState } from 'react'
import './toast.css'

const shownMs = 3500
/** Long answers stay long enough to be read. */
const perCharacterMs = 45

interface Shown {
  readonly text: string
  readonly number: number
}

/** A short notice over one chat, as for the answer to a tap; a new one takes the place of the old. */
export function useToast(): { readonly toast: ReactNode; readonly showToast: (text: string) => void } {
  const [shown, setShown] = useState<Shown>()
  const showToast = useCallback(
    (text: string) => setShown((before) => ({ text, number: (before?.number ?? 0) + 1 })),
    [],
  )
  useEffect(() => {
    if (shown === undefined || shown.text === '') return
    const timer = setTimeout(() => setShown({ ...shown, text: '' }), shownMs + shown.text.length * perCharacterMs)
    return () => clearTimeout(timer)
  }, [shown])
  const toast = (
    <div className="toasts" role="status">
      {shown !== undefined && shown.text !== '' && (
        <p key={shown.number} className="toast" dir="auto" data-testid="toast">
          {shown.text}
        </p>
      )}
    </div>
  )
  return { toast, showToast }
}
