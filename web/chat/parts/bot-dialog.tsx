import type { Bot } from '../api/schema.ts'
import { Avatar } from './avatar.tsx'
import './bot-dialog.css'
import { Modal } from './modal.tsx'

/** Who the bot is and how Telegram reaches it. */
export function BotDialog({ bot, onClose }: { readonly bot: Bot; readonly onClose: () => void }) {
  const { url, pending = 0 } = bot.webhook ?? {}
  return (
    <Modal title="About the bot" onClose={onClose}>
      <div className="about">
        <Avatar id={bot.id} name={bot.first_name} size={96} />
        <h3>{bot.first_name}</h3>
        <p>bot</p>
      </div>
      <dl className="facts">
        <dt>Username</dt>
        <dd>@{bot.username}</dd>
        <dt>Id</dt>
        <dd>{bot.id}</dd>
        <dt>Webhook</dt>
        <dd>{url === undefined || url === '' ? 'none: the bot fetches its updates' : url}</dd>
        <dt>Updates waiting</dt>
        <dd>{pending}</dd>
      </dl>
    </Modal>
  )
}
