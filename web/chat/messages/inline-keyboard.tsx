import { useState } from 'react'
import { Icon } from '../../shared/icons.tsx'
import type { InlineButton } from '../api/schema.ts'
import './inline-keyboard.css'

interface InlineKeyboardProps {
  readonly rows: readonly (readonly InlineButton[])[]
  /** Resolves when the tap is answered; until then the button shows that it waits. */
  readonly onPress: (button: InlineButton) => Promise<void>
}

/** The buttons under a message, spanning its width. */
export function InlineKeyboard({ rows, onPress }: InlineKeyboardProps) {
  return (
    <div className="keys">
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows and buttons have no identity but their place.
        <div key={`${index}`} className="keys__row">
          {row.map((button, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above.
            <Key key={`${place}`} button={button} onPress={onPress} />
          ))}
        </div>
      ))}
    </div>
  )
}

function Key({ button, onPress }: { readonly button: InlineButton; readonly onPress: InlineKeyboardProps['onPress'] }) {
  const [waiting, setWaiting] = useState(0)
  const press = async () => {
    setWaiting((count) => count + 1)
    await onPress(button)
    setWaiting((count) => count - 1)
  }
  const corner = button.url !== undefined ? 'link' : button.copy_text !== undefined ? 'copy' : undefined
  return (
    <button
      type="button"
      className={button.style === undefined ? 'key' : `key key--${button.style}`}
      aria-busy={waiting > 0}
      onClick={() => void press()}
    >
      <span>{button.text}</span>
      {corner !== undefined && <Icon name={corner} size={14} />}
    </button>
  )
}
