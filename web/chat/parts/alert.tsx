import { Sheet } from './sheet.tsx'

/** The bot's answer to a tap that has to be read and closed. */
export function Alert({
  title,
  text,
  onClose,
}: {
  readonly title: string
  readonly text: string
  readonly onClose: () => void
}) {
  return (
    <Sheet title={title} onClose={onClose} testId="alert">
      <p className="sheet__text" dir="auto">
        {text}
      </p>
      <div className="sheet__buttons">
        <button type="button" className="button" onClick={onClose}>
          OK
        </button>
      </div>
    </Sheet>
  )
}
