import type { Language } from '../../people/person.ts'
import type { Address } from '../address.ts'
import { homeButton } from '../buttons.ts'
import type { Reaction, Screen, Seen } from '../screen.ts'
import { textsFor } from '../texts/texts-for.ts'
import type { Button } from '../view.ts'

const names: Readonly<Record<Language, string>> = { ru: '🇷🇺 Русский', en: '🇬🇧 English' }

/** Chooses the language; from then on Telegram's own does not change it. */
export const language: Screen = {
  needs: [],
  draw: ({ texts, person }) => ({
    view: {
      screen: 'language',
      text: [{ bold: [texts.languages.title] }],
      keyboard: [
        (['ru', 'en'] as const).map(
          (each): Button => ({
            label: each === person.language ? `✓ ${names[each]}` : names[each],
            to: { at: 'set_language', language: each },
          }),
        ),
        [homeButton(texts)],
      ],
    },
  }),
}

export function setLanguage(_seen: Seen, place: Address): Reaction {
  if (place.at !== 'set_language') return { go: { at: 'language' } }
  return {
    command: { type: 'set_language', language: place.language },
    go: { at: 'home' },
    toast: textsFor(place.language).toasts.languageSet,
  }
}
