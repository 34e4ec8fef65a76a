import { unreachable } from '../../kit/unreachable.ts'
import type { Language } from '../../people/person.ts'
import { en } from './en.ts'
import { ru } from './ru.ts'
import type { Texts } from './texts.ts'

export function textsFor(language: Language): Texts {
  switch (language) {
    case 'ru':
      return ru
    case 'en':
      return en
    default:
      return unreachable(language, 'textsFor')
  }
}
