import { useState } from 'react'
import { shortTimeOf } from '../../shared/format.ts'
import { Icon, type IconName } from '../../shared/icons.tsx'
import { type Theme, useTheme } from '../../shared/theme.ts'
import type { Bot, Message, Person } from '../api/schema.ts'
import { summaryOf } from '../messages/summary.ts'
import { Avatar } from '../parts/avatar.tsx'
import { BotDialog } from '../parts/bot-dialog.tsx'
import { Menu } from '../parts/menu.tsx'
import { PersonDialog } from '../parts/person-dialog.tsx'
import { useChat } from '../state/sandbox.tsx'
import './sidebar.css'

interface SidebarProps {
  readonly bots: readonly Bot[]
  readonly bot: Bot
  readonly people: readonly Person[]
  readonly openIds: readonly number[]
  readonly online: boolean
  readonly onBot: (id: number) => void
  readonly onOpen: (person: number) => void
  readonly onOpenBeside: (person: number) => void
}

/** Each row reads its chat, so a sandbox with thousands of people shows them in portions. */
const rowsMore = 30

/** Everybody who lives in the sandbox, each with the last words of their chat with the chosen bot. */
export function Sidebar({ bots, bot, people, openIds, online, onBot, onOpen, onOpenBeside }: SidebarProps) {
  const [dialog, setDialog] = useState<'person' | 'bot'>()
  const [theme, setTheme] = useTheme()
  const [shown, setShown] = useState(rowsMore)
  // The newest on top: in a sandbox full of a test's people that is the one just made.
  const ordered = people.toSorted((one, other) => other.id - one.id)
  return (
    <aside className="side" aria-label="People">
      <header className="side__head">
        <Menu
          label="Menu"
          icon="menu"
          towards="start"
          items={[
            { label: 'New person', icon: 'person', onChoose: () => setDialog('person') },
            { label: 'About the bot', icon: 'robot', onChoose: () => setDialog('bot') },
            ...themes.map(({ label, icon, choice }) => ({
              label,
              icon,
              chosen: theme === choice,
              onChoose: () => setTheme(choice),
            })),
          ]}
        />
        {bots.length > 1 ? (
          <label className="side__bots">
            <span className="visually-hidden">Bot</span>
            <select value={bot.id} onChange={({ currentTarget }) => onBot(Number(currentTarget.value))}>
              {bots.map(({ id, first_name, username }) => (
                <option key={id} value={id}>
                  {first_name} (@{username})
                </option>
              ))}
            </select>
            <Icon name="down" size={16} />
          </label>
        ) : (
          <h1>{bot.first_name}</h1>
        )}
        <span className="side__world" title="Everything here lives on this machine">
          sandbox
        </span>
      </header>
      {!online && (
        <p className="side__offline" role="status">
          Waiting for the sandbox…
        </p>
      )}
      <ul className="side__people">
        {ordered.slice(0, shown).map((person) => (
          <PersonRow
            key={person.id}
            bot={bot}
            person={person}
            open={openIds.includes(person.id)}
            besidePossible={openIds.length > 0 && !openIds.includes(person.id)}
            onOpen={() => onOpen(person.id)}
            onOpenBeside={() => onOpenBeside(person.id)}
          />
        ))}
        {ordered.length > shown && (
          <li>
            <button type="button" className="side__more" onClick={() => setShown(shown + rowsMore)}>
              Show more of {ordered.length} people
            </button>
          </li>
        )}
      </ul>
      <button type="button" className="side__new" aria-label="New person" onClick={() => setDialog('person')}>
        <Icon name="plus" />
      </button>
      {dialog === 'bot' && <BotDialog bot={bot} onClose={() => setDialog(undefined)} />}
      {dialog === 'person' && (
        <PersonDialog onMade={openIds.length > 0 ? onOpenBeside : onOpen} onClose={() => setDialog(undefined)} />
      )}
    </aside>
  )
}

const themes: readonly { readonly label: string; readonly icon: IconName; readonly choice: Theme }[] = [
  { label: 'As the system', icon: 'system', choice: 'system' },
  { label: 'Light', icon: 'sun', choice: 'light' },
  { label: 'Dark', icon: 'moon', choice: 'dark' },
]

interface PersonRowProps {
  readonly bot: Bot
  readonly person: Person
  readonly open: boolean
  readonly besidePossible: boolean
  readonly onOpen: () => void
  readonly onOpenBeside: () => void
}

function PersonRow({ bot, person, open, besidePossible, onOpen, onOpenBeside }: PersonRowProps) {
  const { messages, action, unread } = useChat({ bot: bot.id, person: person.id })
  const last = messages.at(-1)
  return (
    <li className={open ? 'row row--open' : 'row'}>
      <button type="button" className="row__chat" aria-current={open ? 'true' : undefined} onClick={onOpen}>
        <Avatar id={person.id} name={person.first_name} face={person.face} size={52} />
        <span className="row__lines">
          <span className="row__line">
            <strong>{person.first_name}</strong>
            <span className="row__language">{person.language_code}</span>
            {last !== undefined && <time>{shortTimeOf(last.date)}</time>}
          </span>
          <span className="row__line">
            <span className="row__last">{action !== undefined ? 'the bot is busy…' : lastWords(last)}</span>
            {unread > 0 && !open && <span className="badge">{unread}</span>}
          </span>
        </span>
      </button>
      {besidePossible && (
        <button
          type="button"
          className="round row__beside"
          aria-label={`Open ${person.first_name} beside`}
          title="Open beside"
          onClick={onOpenBeside}
        >
          <Icon name="split" size={20} />
        </button>
      )}
    </li>
  )
}

function lastWords(message: Message | undefined): string {
  if (message === undefined) return 'No messages yet'
  return (message.from === 'person' ? 'You: ' : '') + summaryOf(message)
}
