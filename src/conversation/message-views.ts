/** Messages that no screen stands for: the service speaks first. */
import type { Cid } from '../kit/ids.ts'
import type { Kopecks } from '../money/amount.ts'
import { homeButton } from './buttons.ts'
import { paragraphs } from './rich.ts'
import type { Draft } from './session.ts'
import type { Texts } from './texts/texts.ts'
import type { View } from './view.ts'

/** An update of this person could not be handled and was put aside; the code finds its story. */
export function troubleView(texts: Texts, cid: Cid): View {
  return {
    screen: 'trouble',
    text: paragraphs([{ bold: [texts.trouble.title] }], texts.trouble.text, [`${texts.code}: `, { code: cid }]),
    keyboard: [[homeButton(texts)]],
  }
}

/** A payment arrived. With a draft that waited for it, the way back to it. */
export function creditedView(
  texts: Texts,
  {
    amount,
    balance,
    draft,
  }: { readonly amount: Kopecks; readonly balance: Kopecks; readonly draft?: Draft | undefined },
): View {
  return {
    screen: 'balance',
    text: [texts.balance.credited(amount, balance)],
    keyboard: [
      draft === undefined
        ? [{ label: texts.buttons.models, to: { at: 'shelf', shelf: 'image', page: 0 }, tone: 'primary' }]
        : [{ label: texts.buttons.toOrder, to: { at: 'confirm', draft: draft.id }, tone: 'primary' }],
      [homeButton(texts)],
    ],
  }
}

/** What stands on an invoice. */
export const invoiceTexts = (texts: Texts, amount: Kopecks) => ({
  title: texts.invoice.title,
  description: texts.invoice.description(amount),
  label: texts.invoice.label(amount),
})
