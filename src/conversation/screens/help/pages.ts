import { unreachable } from '../../../kit/unreachable.ts'
import type { HelpPage } from '../../address.ts'
import { homeButton, supportButton, supportLine } from '../../buttons.ts'
import { paragraphs } from '../../rich.ts'
import type { Screen, Seen } from '../../screen.ts'
import type { Rich, View } from '../../view.ts'

/** Support, terms, privacy: what Telegram asks every shop for Stars to have. */
export const pages: Screen = {
  needs: [],
  draw: (seen, place) => ({ view: drawPage(seen, place.at === 'page' ? place.page : 'support') }),
}

function drawPage(seen: Seen, page: HelpPage): View {
  const { texts, shop } = seen
  return {
    screen: 'help',
    text: textOf(seen, page),
    keyboard: [...supportButton(shop, texts), [{ label: texts.buttons.back, to: { at: 'help' } }, homeButton(texts)]],
  }
}

function textOf({ texts, shop }: Seen, page: HelpPage): Rich {
  switch (page) {
    case 'support': {
      const { title, text, payments } = texts.support
      return paragraphs([{ bold: [title] }], text, payments, supportLine(shop, texts))
    }
    case 'terms':
      return paragraphs([{ bold: [texts.terms.title] }], ...texts.terms.rules.map((rule) => `• ${rule}`))
    case 'privacy':
      return paragraphs([{ bold: [texts.privacy.title] }], ...texts.privacy.rules.map((rule) => `• ${rule}`))
    default:
      return unreachable(page, 'textOf')
  }
}
