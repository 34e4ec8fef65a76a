import { useState } from 'react'
import type { ChatOf } from '../api/client.ts'
import type { Bot, Message, PaymentEnded } from '../api/schema.ts'
import { Price } from '../messages/invoice-card.tsx'
import { Sheet } from '../parts/sheet.tsx'
import { Star } from '../parts/star.tsx'
import { sentence } from '../state/chat-store.ts'
import { useSandbox } from '../state/sandbox.tsx'
import './invoice-sheet.css'

interface InvoiceSheetProps {
  readonly bot: Bot
  readonly chat: ChatOf
  readonly message: Message
  readonly onClose: () => void
  readonly onNotice: (text: string) => void
}

/** Telegram's question before Stars leave the purse. Closing it asks nothing of the bot; paying asks its pre-checkout. */
export function InvoiceSheet({ bot, chat, message, onClose, onNotice }: InvoiceSheetProps) {
  const { api } = useSandbox()
  const [busy, setBusy] = useState<'pay' | 'decline'>()
  const [problem, setProblem] = useState<string>()
  const { invoice } = message
  if (invoice === undefined) return null

  const go = async (outcome: 'pay' | 'decline') => {
    setBusy(outcome)
    setProblem(undefined)
    try {
      const ended = await api.pay(chat, { message_id: message.message_id, outcome })
      if (ended.outcome === 'refused' || ended.outcome === 'timeout') return setProblem(whyNot(ended))
      onNotice(ended.outcome === 'paid' ? 'Payment complete' : 'Payment declined')
      onClose()
    } catch (error) {
      setProblem(sentence(error))
    } finally {
      setBusy(undefined)
    }
  }
  return (
    <Sheet title="Confirm your purchase" onClose={onClose} testId="invoice-sheet">
      <div className="checkout">
        <div className="checkout__star">
          <Star size={92} />
        </div>
        <p>
          Do you want to buy <strong>{invoice.title}</strong> in <strong>{bot.first_name}</strong> for{' '}
          <strong className="checkout__sum">
            <Price invoice={invoice} />
          </strong>
          ?
        </p>
        {invoice.description !== undefined && <p className="checkout__about">{invoice.description}</p>}
        {problem !== undefined && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button
          type="button"
          className="button button--wide"
          disabled={busy !== undefined}
          aria-busy={busy === 'pay'}
          onClick={() => void go('pay')}
        >
          Confirm and pay <Price invoice={invoice} />
        </button>
        <button
          type="button"
          className="button button--wide button--quiet"
          disabled={busy !== undefined}
          aria-busy={busy === 'decline'}
          onClick={() => void go('decline')}
        >
          Decline
        </button>
        <p className="checkout__note">Sandbox Stars: no real money moves.</p>
      </div>
    </Sheet>
  )
}

function whyNot({ outcome, error_message }: PaymentEnded): string {
  if (outcome === 'timeout') return 'The bot did not confirm the payment in time. Nothing was paid.'
  return error_message ?? 'The bot refused the payment. Nothing was paid.'
}
