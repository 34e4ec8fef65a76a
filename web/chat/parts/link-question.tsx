import { Sheet } from './sheet.tsx'

/** Telegram asks before a button's link leads away. */
export function LinkQuestion({ url, onClose }: { readonly url: string; readonly onClose: () => void }) {
  return (
    <Sheet title="Open this link?" onClose={onClose}>
      <p className="sheet__text sheet__text--link">{url}</p>
      <div className="sheet__buttons">
        <button type="button" className="button button--quiet" onClick={onClose}>
          Cancel
        </button>
        <a className="button" href={url} target="_blank" rel="noopener noreferrer" onClick={onClose}>
          Open
        </a>
      </div>
    </Sheet>
  )
}
