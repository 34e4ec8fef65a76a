/**
 * The keyboard of a former program with the same token: it stays below a person's chat until it is removed, and each
 * press of it comes as an ordinary text. Its labels lead where its buttons led. Pure.
 */
import type { Address } from './address.ts'
import type { Reaction } from './screen.ts'

/**
 * The place of a label; undefined for any other text. `isBare`: it has no picture before its words, so it may be meant
 * as a description as well.
 */
export function formerLabel(text: string): { readonly reaction: Reaction; readonly isBare: boolean } | undefined {
  if (text.length > labelUnitsMax) return undefined
  const words = text.normalize('NFC').replace(before, '').replace(after, '').trim().toLowerCase().replaceAll('ё', 'е')
  const go = places.get(words)
  if (go === undefined) return undefined
  return { reaction: { go, command: { type: 'remove_keyboard' } }, isBare: !picture.test(text) }
}

/** No label is longer, and any other text is not looked at. */
const labelUnitsMax = 48
const picture = /^\s*\p{Extended_Pictographic}/u
/** Everything before the first letter; and after the last one a sum, a count, or what stands in brackets. */
const before = /^[^\p{L}]+/u
const after = /(?:\s*[(:·|—-][^\p{L}]*(?:\p{L}+\)?)?)?[^\p{L}]*$/u

const places: ReadonlyMap<string, Address> = new Map(
  (
    [
      [{ at: 'home' }, 'меню', 'главное меню', 'в меню', 'menu', 'main menu'],
      [
        { at: 'shelf', shelf: 'free', page: 0 },
        'бесплатные инструменты',
        'быстрые инструменты',
        'fast tools',
        'free tools',
      ],
      [
        { at: 'shelf', shelf: 'text-to-image', page: 0 },
        'текст → изображение',
        'текст в изображение',
        'визуальная генерация',
        'text → image',
        'text to image',
        'visual generation',
      ],
      [
        { at: 'shelf', shelf: 'image-to-image', page: 0 },
        'изображение → изображение',
        'ремикс изображения',
        'image → image',
        'image to image',
        'image remix',
        'remix',
      ],
      [
        { at: 'shelf', shelf: 'video', page: 0 },
        'текст → видео',
        'видео по сценарию',
        'изображение → видео',
        'оживить изображение',
        'text → video',
        'text to video',
        'video by script',
        'image → video',
        'image to video',
        'animate image',
      ],
      [
        { at: 'shelf', shelf: 'image', page: 0 },
        'генерация',
        'сгенерировать',
        'модели',
        'все модели',
        'generate',
        'models',
        'all models',
      ],
      [{ at: 'balance' }, 'баланс', 'мой баланс', 'balance'],
      [{ at: 'top_up' }, 'пополнить', 'пополнить баланс', 'top up'],
      [{ at: 'history', page: 0 }, 'история', 'мои генерации', 'history', 'my generations'],
      [{ at: 'referral' }, 'партнерка', 'партнерская программа', 'реферальная программа', 'referral', 'partner'],
      [{ at: 'help' }, 'помощь', 'help'],
      [{ at: 'page', page: 'support' }, 'поддержка', 'support'],
      [{ at: 'language' }, 'язык', 'language'],
    ] as const satisfies readonly (readonly [Address, ...string[]])[]
  ).flatMap(([place, ...labels]) => labels.map((label) => [label, place] as const)),
)
