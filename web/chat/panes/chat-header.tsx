import { useState } from 'react'
import { Icon } from '../../shared/icons.tsx'
import type { Bot, Person } from '../api/schema.ts'
import { Avatar } from '../parts/avatar.tsx'
import { BotDialog } from '../parts/bot-dialog.tsx'
import { Menu } from '../parts/menu.tsx'
import { PersonDialog } from '../parts/person-dialog.tsx'
import { sentence } from '../state/chat-store.ts'
import { useSandbox } from '../state/sandbox.tsx'
import './chat-header.css'

interface ChatHeaderProps {
  readonly bot: Bot
  readonly person: Person
  readonly action: string | undefined
  readonly blocked: boolean
  readonly beside: boolean
  readonly onBack: () => void
  readonly onClose: () => void
  readonly onNotice: (text: string) => void
}

export function ChatHeader({ bot, person, action, blocked, beside, onBack, onClose, onNotice }: ChatHeaderProps) {
  const { api } = useSandbox()
  const [dialog, setDialog] = useState<'bot' | 'person'>()
  const chat = { bot: bot.id, person: person.id }
  const attempt = (call: Promise<unknown>, done: string) => {
    call.then(
      () => onNotice(done),
      (error: unknown) => onNotice(sentence(error)),
    )
  }
  return (
    <header className="head">
      <button type="button" className="round head__back" aria-label="All people" onClick={onBack}>
        <Icon name="back" />
      </button>
      <button
        type="button"
        className="head__bot"
        aria-label={`About ${bot.first_name}`}
        onClick={() => setDialog('bot')}
      >
        <Avatar id={bot.id} name={bot.first_name} size={42} />
        <span className="head__names">
          <strong>{bot.first_name}</strong>
          <span className="head__status" aria-live="polite">
            {blocked ? 'blocked' : action === undefined ? 'bot' : <Doing action={action} />}
          </span>
        </span>
      </button>
      <button
        type="button"
        className="head__person"
        aria-label={`Change ${person.first_name}`}
        title={`Chatting as ${person.first_name}`}
        onClick={() => setDialog('person')}
      >
        <span>{person.first_name}</span>
        <Avatar id={person.id} name={person.first_name} face={person.face} size={30} />
      </button>
      <Menu
        label="More"
        icon="more"
        items={[
          { label: 'About the bot', icon: 'robot', onChoose: () => setDialog('bot') },
          { label: `Change ${person.first_name}`, icon: 'pencil', onChoose: () => setDialog('person') },
          blocked
            ? {
                label: 'Unblock the bot',
                icon: 'tick',
                onChoose: () => attempt(api.unblock(chat), 'The bot is unblocked.'),
              }
            : {
                label: 'Block the bot',
                icon: 'block',
                danger: true,
                onChoose: () => attempt(api.block(chat), 'The bot is blocked.'),
              },
        ]}
      />
      {beside && (
        <button
          type="button"
          className="round head__close"
          aria-label={`Close ${person.first_name}’s chat`}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      )}
      {dialog === 'bot' && <BotDialog bot={bot} onClose={() => setDialog(undefined)} />}
      {dialog === 'person' && <PersonDialog person={person} onClose={() => setDialog(undefined)} />}
    </header>
  )
}

const doings: Readonly<Record<string, string>> = {
  typing: 'typing',
  upload_photo: 'sending a photo',
  record_video: 'recording a video',
  upload_video: 'sending a video',
  record_voice: 'recording a voice message',
  upload_voice: 'sending a voice message',
  upload_document: 'sending a file',
  choose_sticker: 'choosing a sticker',
  find_location: 'finding a place',
  record_video_note: 'recording a video',
  upload_video_note: 'sending a video',
}

function Doing({ action }: { readonly action: string }) {
  return (
    <span className="doing" data-testid="doing">
      <span className="doing__dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {doings[action] ?? 'typing'}
    </span>
  )
}
