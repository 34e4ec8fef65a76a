import type { Message } from '../api/schema.ts'
import './reply-keyboard.css'

interface KeyboardOfBot {
  readonly messageId: number
  readonly rows: readonly (readonly string[])[]
  readonly once: boolean
  readonly placeholder: string | undefined
}

/** The keyboard that the bot's messages leave in force: the last one shown and not removed since. */
export function replyKeyboardOf(messages: readonly Message[]): KeyboardOfBot | undefined {
  const last = messages.findLast(
    ({ reply_markup: markup }) => (markup?.keyboard ?? markup?.remove_keyboard) !== undefined,
  )
  const markup = last?.reply_markup
  if (last === undefined || markup?.keyboard === undefined) return undefined
  return {
    messageId: last.message_id,
    rows: markup.keyboard.map((row) => row.map((button) => (typeof button === 'string' ? button : button.text))),
    once: markup.one_time_keyboard ?? false,
    placeholder: markup.input_field_placeholder,
  }
}

interface ReplyKeyboardProps {
  readonly rows: KeyboardOfBot['rows']
  readonly onChoose: (text: string) => void
}

/** Large buttons in place of the phone's keyboard; each sends its text. */
export function ReplyKeyboard({ rows, onChoose }: ReplyKeyboardProps) {
  return (
    <div className="reply-keys">
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows and buttons have no identity but their place.
        <div key={`${index}`} className="reply-keys__row">
          {row.map((text, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above.
            <button key={`${place}`} type="button" className="reply-key" onClick={() => onChoose(text)}>
              {text}
            </button>
          ))}
        </div>
      ))}
    </div>
  )
}
