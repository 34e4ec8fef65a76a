import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Icon } from '../../shared/icons.tsx'
import type { Bot, Command, Message, Person } from '../api/schema.ts'
import { CommandList } from './command-list.tsx'
import './composer.css'
import { FilePicker } from './file-picker.tsx'
import { ReplyKeyboard, replyKeyboardOf } from './reply-keyboard.tsx'

interface ComposerProps {
  readonly bot: Bot
  readonly person: Person
  readonly messages: readonly Message[]
  readonly onSay: (text: string) => void
  readonly onFiles: (files: readonly File[], asDocuments: boolean) => void
}

const heightMax = 220

/** Where the person writes: text, commands, files, and the bot's reply keyboard when it shows one. */
export function Composer({ bot, person, messages, onSay, onFiles }: ComposerProps) {
  const [text, setText] = useState('')
  const [menuOpen, setMenuOpen] = useState(false)
  const [marked, setMarked] = useState(0)
  const [keyboardHidden, setKeyboardHidden] = useState<number>()
  const field = useRef<HTMLTextAreaElement>(null)
  const keyboard = replyKeyboardOf(messages)
  const keyboardOpen = keyboard !== undefined && keyboardHidden !== keyboard.messageId
  const commands = commandsFor(bot, person)
  const typed = /^\/([a-z0-9_]*)$/i.exec(text)?.[1]
  const offered =
    typed === undefined ? (menuOpen ? commands : []) : commands.filter(({ command }) => command.startsWith(typed))

  useLayoutEffect(() => {
    const area = field.current
    if (area === null) return
    area.style.height = text === '' ? '' : 'auto'
    if (text !== '') area.style.height = `${Math.min(area.scrollHeight, heightMax)}px`
  }, [text])

  useEffect(() => {
    // On a phone the keyboard would cover half of the chat just opened.
    if (matchMedia('(hover: hover)').matches) field.current?.focus()
  }, [])

  const say = (what: string) => {
    if (what.trim() === '') return
    onSay(what.trim())
    setText('')
    setMenuOpen(false)
    field.current?.focus()
  }
  const sayCommand = ({ command }: Command) => say(`/${command}`)

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    const chosen = offered[Math.min(marked, offered.length - 1)]
    if (chosen !== undefined && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault()
      setMarked((marked + (event.key === 'ArrowDown' ? 1 : offered.length - 1)) % offered.length)
    } else if (chosen !== undefined && event.key === 'Tab' && !event.shiftKey) {
      event.preventDefault()
      setText(`/${chosen.command} `)
    } else if (event.key === 'Escape') {
      setMenuOpen(false)
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      if (chosen !== undefined) sayCommand(chosen)
      else say(text)
    }
  }

  return (
    <footer className="composer">
      {offered.length > 0 && (
        <CommandList commands={offered} marked={marked} onMark={setMarked} onChoose={sayCommand} />
      )}
      <div className="composer__line">
        <div className="composer__field">
          {commands.length > 0 && (
            <button
              type="button"
              className="composer__menu"
              aria-label="Commands"
              aria-expanded={menuOpen}
              // The text field keeps the focus: losing it closes the menu.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => {
                setMarked(0)
                setMenuOpen(!menuOpen)
                field.current?.focus()
              }}
            >
              <Icon name={menuOpen ? 'close' : 'menu'} size={18} />
              <span>Menu</span>
            </button>
          )}
          <textarea
            ref={field}
            rows={1}
            dir="auto"
            aria-label="Message"
            placeholder={keyboard?.placeholder ?? 'Message'}
            value={text}
            onChange={({ currentTarget }) => {
              setText(currentTarget.value)
              setMarked(0)
            }}
            onKeyDown={onKeyDown}
            onBlur={() => setMenuOpen(false)}
            onPaste={(event) => {
              if (event.clipboardData.files.length === 0) return
              event.preventDefault()
              onFiles([...event.clipboardData.files], false)
            }}
          />
          {keyboard !== undefined && (
            <button
              type="button"
              className="round"
              aria-label={keyboardOpen ? 'Hide the bot’s keyboard' : 'Show the bot’s keyboard'}
              aria-expanded={keyboardOpen}
              onClick={() => setKeyboardHidden(keyboardOpen ? keyboard.messageId : undefined)}
            >
              <Icon name={keyboardOpen ? 'down' : 'keyboard'} />
            </button>
          )}
          <FilePicker onFiles={onFiles} />
        </div>
        <button
          type="button"
          className="composer__send"
          aria-label="Send"
          disabled={text.trim() === ''}
          onClick={() => say(text)}
        >
          <Icon name="send" size={26} />
        </button>
      </div>
      {keyboardOpen && (
        <ReplyKeyboard
          rows={keyboard.rows}
          onChoose={(choice) => {
            say(choice)
            if (keyboard.once) setKeyboardHidden(keyboard.messageId)
          }}
        />
      )}
    </footer>
  )
}

/** The commands in the person's language, or the default ones. */
function commandsFor(bot: Bot, person: Person): readonly Command[] {
  const own = person.language_code === undefined ? undefined : bot.commands?.[person.language_code]
  return own === undefined || own.length === 0 ? (bot.commands?.['default'] ?? []) : own
}
