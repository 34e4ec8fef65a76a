import { z } from 'zod'
import { filePathOf, uniqueIdOf } from '../files.ts'
import { botUser, personUser, privateChat } from '../render.ts'
import { answer, type Call, type Method, peerOf, render, yes } from './call.ts'
import { badRequest } from './errors.ts'
import type { Params } from './params.ts'

/** What a bot says about itself, and what it may ask about people, chats and files. */
export const getMe: Method = ({ bot }) =>
  answer({
    ...botUser(bot),
    first_name: bot.profile['name|'] ?? bot.firstName,
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
    has_topics_enabled: bot.hasTopics === true,
    allows_users_to_create_topics: bot.hasTopics === true,
  })

function languageOf(params: Params): string {
  const code = params.text('language_code') ?? ''
  if (!/^([a-z]{2})?$/.test(code)) throw badRequest('invalid language code specified')
  return code
}

const scopeTypes = [
  'default',
  'all_private_chats',
  'all_group_chats',
  'all_chat_administrators',
  'chat',
  'chat_administrators',
  'chat_member',
] as const
const scopeObject = z.object({
  type: z.enum(scopeTypes),
  chat_id: z.union([z.number(), z.string()]).exactOptional(),
  user_id: z.number().exactOptional(),
})

/** The key of a list of commands: its scope and language. */
function commandsKey(params: Params): string {
  const scope = scopeObject.safeParse(params.json('scope') ?? { type: 'default' })
  if (!scope.success) throw badRequest("can't parse BotCommandScope")
  return `${JSON.stringify(scope.data)}|${languageOf(params)}`
}

const commandList = z.array(z.object({ command: z.string(), description: z.string() }))
const commandsMax = 100

export const setMyCommands: Method = ({ telegram, bot, params }) => {
  const list = commandList.safeParse(params.json('commands'))
  if (!list.success) throw badRequest("can't parse commands: an Array of BotCommand is expected")
  if (list.data.length > commandsMax) throw badRequest('BOT_COMMANDS_TOO_MUCH')
  const commands = list.data.map(({ command, description }) => ({
    command: command.replace(/^\//, ''),
    description: description.trim(),
  }))
  for (const { command, description } of commands) {
    if (!/^[a-z0-9_]{1,32}$/.test(command)) throw badRequest('BOT_COMMAND_INVALID')
    if (description.length < 1 || description.length > 256) throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID')
  }
  telegram.bots.change({ ...bot, commands: { ...bot.commands, [commandsKey(params)]: commands } })
  return yes
}

export const getMyCommands: Method = ({ bot, params }) => answer(bot.commands[commandsKey(params)] ?? [])

export const deleteMyCommands: Method = ({ telegram, bot, params }) => {
  const { [commandsKey(params)]: _, ...commands } = bot.commands
  telegram.bots.change({ ...bot, commands })
  return yes
}

/** A text about the bot: one for each language, and one for all others. */
const setText =
  (name: string, unitsMax: number): Method =>
  ({ telegram, bot, params }) => {
    const text = (params.text(name) ?? '').trim()
    if (text.length > unitsMax) throw badRequest(`bot's ${name.replace('_', ' ')} is too long`)
    const key = `${name}|${languageOf(params)}`
    const { [key]: _, ...rest } = bot.profile
    telegram.bots.change({ ...bot, profile: text === '' ? rest : { ...rest, [key]: text } })
    return yes
  }

const getText =
  (name: string, fallback: (call: Call) => string): Method =>
  (call) => {
    const { bot, params } = call
    return answer({ [name]: bot.profile[`${name}|${languageOf(params)}`] ?? bot.profile[`${name}|`] ?? fallback(call) })
  }

export const setMyName = setText('name', 64)
export const getMyName = getText('name', ({ bot }) => bot.firstName)
export const setMyDescription = setText('description', 512)
export const getMyDescription = getText('description', () => '')
export const setMyShortDescription = setText('short_description', 120)
export const getMyShortDescription = getText('short_description', () => '')

const menuButton = z.discriminatedUnion('type', [
  z.object({ type: z.literal('default') }),
  z.object({ type: z.literal('commands') }),
  z.object({
    type: z.literal('web_app'),
    text: z.string().min(1),
    web_app: z.object({ url: z.string().startsWith('https://') }),
  }),
])

export const setChatMenuButton: Method = (call) => {
  const { telegram, bot, params } = call
  const button = menuButton.safeParse(params.json('menu_button') ?? { type: 'default' })
  if (!button.success) throw badRequest('MENU_BUTTON_INVALID')
  if (params.has('chat_id')) telegram.people.changeChat({ ...peerOf(call).chat, menuButton: button.data })
  else telegram.bots.change({ ...bot, menuButton: button.data })
  return yes
}

export const getChatMenuButton: Method = (call) => {
  const own = call.params.has('chat_id') ? peerOf(call).chat.menuButton : undefined
  return answer(own ?? call.bot.menuButton ?? { type: 'commands' })
}

export const getChat: Method = (call) => {
  const { person, chat } = peerOf(call)
  const pinned = chat.pinned.at(-1)
  const message = pinned === undefined ? undefined : call.telegram.messages.find(call.bot.id, person.id, pinned)
  return answer({
    ...privateChat(person),
    accent_color_id: person.id % 7,
    max_reaction_count: 11,
    accepted_gift_types: {
      unlimited_gifts: false,
      limited_gifts: false,
      unique_gifts: false,
      premium_subscription: false,
      gifts_from_channels: false,
    },
    ...(message === undefined ? {} : { pinned_message: render(call, person, message) }),
  })
}

export const getChatMember: Method = (call) => {
  const { person } = peerOf(call)
  const user = call.params.int('user_id')
  if (user === call.bot.id) return answer({ user: botUser(call.bot), status: 'member' })
  if (user !== person.id) throw badRequest('user not found')
  return answer({ user: personUser(person), status: 'member' })
}

export const getUserProfilePhotos: Method = ({ telegram, params }) => {
  if (telegram.people.find(params.int('user_id') ?? 0) === undefined) throw badRequest('user not found')
  return answer({ total_count: 0, photos: [] })
}

/** What a bot may download; larger files stay where they are. */
const downloadBytesMax = 20 * 1024 * 1024

export const getFile: Method = ({ telegram, bot, params }) => {
  const fileId = params.text('file_id') ?? ''
  if (fileId === '') throw badRequest('file_id not specified')
  const found = telegram.files.byFileId(bot.id, fileId)
  if (found === undefined) throw badRequest('wrong file_id or the file is temporarily unavailable')
  const { file, letter } = found
  if (file.size > downloadBytesMax) throw badRequest('file is too big')
  return answer({
    file_id: fileId,
    file_unique_id: uniqueIdOf(file, letter),
    file_size: file.size,
    file_path: filePathOf(file),
  })
}
