import { botUser } from '../render.ts'
import { answer, type Method, yes } from './call.ts'
import { editMessageCaption, editMessageReplyMarkup, editMessageText } from './edit.ts'
import { answerCallbackQuery, answerPreCheckoutQuery } from './queries.ts'
import { sendChatAction, sendMessage } from './send-text.ts'
import { deleteWebhook, getUpdates, getWebhookInfo, setWebhook } from './webhook.ts'

const getMe: Method = ({ bot }) =>
  answer({
    ...botUser(bot),
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
  })

/** MAP of every method the sandbox executes, by its documented name. */
export const methods: readonly (readonly [name: string, method: Method])[] = [
  ['getMe', getMe],
  ['setWebhook', setWebhook],
  ['deleteWebhook', deleteWebhook],
  ['getWebhookInfo', getWebhookInfo],
  ['getUpdates', getUpdates],
  ['sendMessage', sendMessage],
  ['sendChatAction', sendChatAction],
  ['editMessageText', editMessageText],
  ['editMessageCaption', editMessageCaption],
  ['editMessageReplyMarkup', editMessageReplyMarkup],
  ['answerCallbackQuery', answerCallbackQuery],
  ['answerPreCheckoutQuery', answerPreCheckoutQuery],
  ['close', () => yes],
  ['logOut', () => yes],
]
