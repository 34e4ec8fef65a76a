import type { Command } from '../api/schema.ts'
import './command-list.css'

interface CommandListProps {
  readonly commands: readonly Command[]
  readonly marked: number
  readonly onMark: (index: number) => void
  readonly onChoose: (command: Command) => void
}

/** The bot's commands above the text field, as the person types "/" or opens the menu. */
export function CommandList({ commands, marked, onMark, onChoose }: CommandListProps) {
  return (
    <ul className="commands" aria-label="Commands of the bot">
      {commands.map((one, index) => (
        <li key={one.command}>
          <button
            type="button"
            className={index === marked ? 'command command--marked' : 'command'}
            // The text field keeps the focus, so that typing goes on.
            onMouseDown={(event) => event.preventDefault()}
            onMouseEnter={() => onMark(index)}
            onClick={() => onChoose(one)}
          >
            <strong>/{one.command}</strong>
            <span>{one.description}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
