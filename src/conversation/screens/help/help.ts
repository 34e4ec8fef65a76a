import type { HelpPage } from '../../address.ts'
import { homeButton, supportLine } from '../../buttons.ts'
import { lines, paragraphs } from '../../rich.ts'
import type { Screen, Seen } from '../../screen.ts'
import type { Button, View } from '../../view.ts'

/** How it works, in the order in which people ask. */
export const help: Screen = {
  needs: [],
  draw: (seen) => ({ view: drawHelp(seen) }),
}

const pages: readonly HelpPage[] = ['support', 'terms', 'privacy']

function drawHelp({ texts, shop }: Seen): View {
  return {
    screen: 'help',
    text: paragraphs(
      [{ bold: [texts.help.title] }],
      lines(...texts.help.how.map((step, index) => `${index + 1}. ${step}`)),
      ...texts.help.questions(shop.freeDaily).map(({ ask, answer }) => lines([{ bold: [ask] }], answer)),
      supportLine(shop, texts),
    ),
    keyboard: [
      [{ label: texts.buttons.models, to: { at: 'shelf', shelf: 'image', page: 0 } }],
      pages.map((page): Button => ({ label: texts.help.pages[page], to: { at: 'page', page } })),
      [homeButton(texts)],
    ],
  }
}
