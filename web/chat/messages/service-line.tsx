import type { Bot, Message } from '../api/schema.ts'
import { Price } from './invoice-card.tsx'
import './service-line.css'

/** What happened, in the middle of the chat: a payment, a refund, a pinned message. */
export function ServiceLine({ message, bot }: { readonly message: Message; readonly bot: Bot }) {
  const { successful_payment: paid, refunded_payment: refunded, pinned_message_id: pinned } = message
  return (
    <p className="service" data-message={message.message_id}>
      {paid !== undefined && (
        <span>
          You paid <Price invoice={paid} /> to {bot.first_name}
        </span>
      )}
      {pinned !== undefined && <span>{bot.first_name} pinned a message</span>}
      {refunded !== undefined && (
        <span>
          {bot.first_name} gave back <Price invoice={refunded} />
        </span>
      )}
    </p>
  )
}
