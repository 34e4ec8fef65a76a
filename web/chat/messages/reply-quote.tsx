import { gently } from '../../shared/motion.ts'
import { usePaneActions } from '../panes/actions.ts'
import './reply-quote.css'
import { summaryOf } from './summary.ts'

/** What a message answers to, above its text; a press leads there. */
export function ReplyQuote({ to }: { readonly to: number }) {
  const { find, botName } = usePaneActions()
  const quoted = find(to)
  const go = () => {
    document.querySelector(`[data-message="${to}"]`)?.scrollIntoView({ behavior: gently(), block: 'center' })
  }
  return (
    <button type="button" className="reply" onClick={go}>
      <strong>{quoted?.from === 'person' ? 'You' : botName}</strong>
      <span>{quoted === undefined ? 'Deleted message' : summaryOf(quoted)}</span>
    </button>
  )
}
