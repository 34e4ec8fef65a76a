import './avatar.css'
import { Portrait } from './portrait.tsx'

interface AvatarProps {
  readonly id: number
  readonly name: string
  /** The number that a person's portrait is drawn from; bots have none and show their initials. */
  readonly face?: number | undefined
  readonly size: number
}

/** A round picture: a portrait, or initials on one of Telegram's seven gradients, fixed by the id. */
export function Avatar({ id, name, face, size }: AvatarProps) {
  return (
    <span
      className={`avatar avatar--${Math.abs(id) % 7}`}
      style={{ width: size, height: size, fontSize: size * 0.42 }}
      aria-hidden="true"
    >
      {face === undefined ? initialsOf(name) : <Portrait face={face} />}
    </span>
  )
}

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/)
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase()
}
