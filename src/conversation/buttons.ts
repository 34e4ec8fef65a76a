/** Buttons that stand on many screens. */
import type { OrderId } from '../kit/ids.ts'
import type { Shop } from './screen.ts'
import type { Texts } from './texts/texts.ts'
import type { Button, Keyboard } from './view.ts'

export const homeButton = (texts: Texts): Button => ({ label: texts.buttons.home, to: { at: 'home' } })

/** `perRow` buttons in a row. */
export function inRows(buttons: readonly Button[], perRow: number): Keyboard {
  const rows: Button[][] = []
  for (let start = 0; start < buttons.length; start += perRow) rows.push(buttons.slice(start, start + perRow))
  return rows
}

/** Two in a row while labels are short enough to be read on a phone. */
export const inReadableRows = (buttons: readonly Button[]): Keyboard =>
  inRows(buttons, buttons.every(({ label }) => [...label].length <= 19) ? 2 : 1)

/** ‹ 2 / 5 ›; nothing while there is one page only. `pages` is undefined where the last page is not known. */
export function pager(
  page: number,
  pages: number,
  to: (page: number) => Extract<Button, { to: unknown }>['to'],
): Keyboard {
  if (pages <= 1) return []
  return [
    [
      ...(page > 0 ? [{ label: '‹', to: to(page - 1) }] : []),
      { label: `${page + 1} / ${pages}`, to: { at: 'nowhere' as const } },
      ...(page < pages - 1 ? [{ label: '›', to: to(page + 1) }] : []),
    ],
  ]
}

/** Once more, and once more with changes. */
export const repeatButtons = (order: OrderId, texts: Texts): Keyboard => [
  [{ label: texts.buttons.again, to: { at: 'again', order } }],
  [{ label: texts.buttons.edit, to: { at: 'edit', order } }],
]

const contactShape = /^(?:@|https:\/\/t\.me\/)?([A-Za-z0-9_]{4,32})$/

/** The support contact as a link, when the operator gave one that can be opened. */
export function supportButton(shop: Shop, texts: Texts): Keyboard {
  const name = contactShape.exec(shop.supportTelegram ?? '')?.[1]
  return name === undefined ? [] : [[{ label: texts.buttons.writeToSupport, url: `https://t.me/${name}` }]]
}

/** How support is reached, in words. */
export function supportLine(shop: Shop, texts: Texts): string {
  const contact = [shop.supportTelegram, shop.supportText]
    .filter((each) => each !== undefined && each !== '')
    .join(' · ')
  return contact === '' ? texts.help.noContact : texts.help.contact(contact)
}
