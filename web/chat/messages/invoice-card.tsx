import { countOf } from '../../shared/format.ts'
import type { Invoice } from '../api/schema.ts'
import { Star } from '../parts/star.tsx'
import './invoice-card.css'

/** An invoice in the chat: what is sold, and for how much; the button to pay is in its keyboard. */
export function InvoiceCard({ invoice }: { readonly invoice: Invoice }) {
  return (
    <div className="invoice">
      {invoice.photo_url !== undefined && <img src={invoice.photo_url} alt="" />}
      <strong className="invoice__title">{invoice.title}</strong>
      {invoice.description !== undefined && <p>{invoice.description}</p>}
      <p className="invoice__price">
        <Price invoice={invoice} />
      </p>
    </div>
  )
}

/** Stars with their star; any other currency by its code, in hundredths as Telegram sends it. */
export function Price({
  invoice: { currency, total_amount },
}: {
  readonly invoice: Pick<Invoice, 'currency' | 'total_amount'>
}) {
  if (currency !== 'XTR') return <span>{`${(total_amount / 100).toFixed(2)} ${currency}`}</span>
  return (
    <span className="price">
      <Star size={18} />
      {countOf(total_amount)} {total_amount === 1 ? 'Star' : 'Stars'}
    </span>
  )
}
