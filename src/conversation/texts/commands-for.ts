import type { Language } from '../../people/person.ts'

/** The bot's command menu (`setMyCommands`), one list for each language. The first one is for everybody else too. */
export function commandsFor(language: Language): readonly BotCommand[] {
  return commandTexts.map(({ command, ...description }) => ({ command, description: description[language] }))
}
export type BotCommand = { readonly command: string; readonly description: string }

const commandTexts: readonly (Readonly<Record<Language, string>> & { readonly command: string })[] = [
  { command: 'start', ru: 'Главное меню', en: 'Main menu' },
  { command: 'models', ru: 'Выбрать модель', en: 'Pick a model' },
  { command: 'balance', ru: 'Баланс и пополнение', en: 'Balance and top-up' },
  { command: 'history', ru: 'Мои картинки', en: 'My pictures' },
  { command: 'status', ru: 'Что сейчас в работе', en: 'What is running now' },
  { command: 'cancel', ru: 'Отменить начатое', en: 'Cancel what was begun' },
  { command: 'help', ru: 'Как это работает', en: 'How it works' },
  { command: 'language', ru: 'Сменить язык', en: 'Change the language' },
  { command: 'support', ru: 'Написать в поддержку', en: 'Write to support' },
  { command: 'paysupport', ru: 'Вопросы об оплате', en: 'Questions about payments' },
  { command: 'terms', ru: 'Условия', en: 'Terms' },
  { command: 'privacy', ru: 'Какие данные хранятся', en: 'What data is kept' },
]
