import { cut, paragraphs, plain } from '../conversation/rich.ts'
import type { Texts } from '../conversation/texts/texts.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import type { View } from '../conversation/view.ts'
import type { DueErrand } from '../errands/errand.ts'
import type { Clock } from '../kit/clock.ts'
import { foreignWords } from '../kit/foreign-words.ts'
import { type Cid, type Destination, destinationOf, personOfChat } from '../kit/ids.ts'
import type { NotDone } from '../kit/outcome.ts'
import { unreachable } from '../kit/unreachable.ts'
import { recordLoss } from '../losses/record-loss.ts'
import type { Kopecks } from '../money/amount.ts'
import { isRefusalTold, refusalKey, refusalText } from '../operators/refusals.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import { createFacts } from '../telemetry/facts.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ChatNo } from './chat-gateway.ts'

/**
 * What follows when Telegram refuses a message for good: the person reads a plain one instead, without formatting and
 * buttons, it is recorded as a loss, and the operators hear of it once for each kind of refusal. Should that plain message
 * be refused too, nothing more is sent.
 */
export type Refused = (permit: Permit, no: NotDone<ChatNo>, what: RefusedWhat) => Promise<void>
export type RefusedWhat = {
  readonly cid: Cid
  /** Its name in the log: a screen, or `invoice`. */
  readonly name: string
  /** What the person reads in its place. Undefined: they are told in another way, or there is nothing to tell. */
  readonly instead: Instead | undefined
  /** A result: the order records what was lost with it. */
  readonly isResult?: boolean
}
export type Instead = Destination /** That something could not be shown, and how to go on. */ &
  (
    | { readonly say: 'not_shown' }
    /** The same words without their formatting, when they are news: money that came, an order that ended. */
    | { readonly say: 'words'; readonly view: View }
    | { readonly say: 'no_invoice'; readonly amount: Kopecks }
  )

/** Characters of the refused words that are said again. */
const wordsMax = 700

export function createRefused({
  store,
  shop,
  clock,
  telemetry,
}: {
  readonly store: Store
  /** Names this bot to those who run several. */
  readonly shop: string
  readonly clock: Clock
  readonly telemetry: Telemetry
}): Refused {
  return async function refused(permit, no, { cid, name, instead, isResult = false }) {
    const { method = 'message' } = no
    const detail = foreignWords(no.detail)
    const message = { method, detail, cid }
    const facts = createFacts(telemetry)
    facts.add((t) => t.emit('MESSAGE_REFUSED', { cid, method, what: name, detail }))
    await store.transact(permit, async (tx) => {
      if (!isResult) {
        const loss = { cause: 'message_refused', cid, at: clock.now(), detail: `${method}: ${detail}` } as const
        await recordLoss(
          tx.losses,
          instead === undefined ? loss : { ...loss, person: personOfChat(instead.chat) },
          facts,
        )
      }
      const errands: DueErrand[] = []
      if (instead !== undefined) {
        const to = destinationOf(instead)
        const person = await tx.people.get(personOfChat(to.chat))
        const view = plainView(textsFor(person?.language ?? 'ru'), instead, cid)
        errands.push({ errand: { kind: 'say', ...to, view, isLast: true }, cid })
      }
      const count = await tx.alerts.count(refusalKey(message), detail, clock.now())
      if (isRefusalTold(count)) {
        errands.push({ errand: { kind: 'tell_operator', what: refusalText(shop, message, count) }, cid })
      }
      await tx.errands.add(errands)
    })
    facts.emit()
  }
}

function plainView(texts: Texts, instead: Instead, cid: Cid): View {
  const { trouble } = texts
  const words = (): readonly string[] => {
    switch (instead.say) {
      case 'words':
        return [cut(plain(instead.view.text), wordsMax), trouble.withoutButtons]
      case 'no_invoice':
        return [trouble.noInvoice(instead.amount)]
      case 'not_shown':
        return [trouble.notShown]
      default:
        return unreachable(instead, 'plainView')
    }
  }
  const said = plain(paragraphs(...words()))
  // The end of an order names its code itself.
  const text = said.includes(cid) ? said : plain(paragraphs(said, `${texts.code}: ${cid}`))
  return { screen: 'trouble', text: [text], keyboard: [] }
}
