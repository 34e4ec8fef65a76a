import { type Method, yes } from './call.ts'
import * as edit from './edit.ts'
import * as messages from './messages.ts'
import * as payments from './payments.ts'
import * as profile from './profile.ts'
import * as queries from './queries.ts'
import * as media from './send-media.ts'
import * as text from './send-text.ts'
import * as webhook from './webhook.ts'

/** MAP of every method the sandbox executes, by its documented name. */
export const methods: readonly (readonly [name: string, method: Method])[] = [
  ['getMe', profile.getMe],
  ['close', () => yes],
  ['logOut', () => yes],

  ['setWebhook', webhook.setWebhook],
  ['deleteWebhook', webhook.deleteWebhook],
  ['getWebhookInfo', webhook.getWebhookInfo],
  ['getUpdates', webhook.getUpdates],

  ['sendMessage', text.sendMessage],
  ['sendChatAction', text.sendChatAction],
  ['sendPhoto', media.sendPhoto],
  ['sendVideo', media.sendVideo],
  ['sendAnimation', media.sendAnimation],
  ['sendAudio', media.sendAudio],
  ['sendVoice', media.sendVoice],
  ['sendDocument', media.sendDocument],
  ['sendVideoNote', media.sendVideoNote],
  ['sendSticker', media.sendSticker],
  ['sendMediaGroup', media.sendMediaGroup],

  ['editMessageText', edit.editMessageText],
  ['editMessageCaption', edit.editMessageCaption],
  ['editMessageMedia', media.editMessageMedia],
  ['editMessageReplyMarkup', edit.editMessageReplyMarkup],

  ['copyMessage', messages.copyMessage],
  ['copyMessages', messages.copyMessages],
  ['forwardMessage', messages.forwardMessage],
  ['forwardMessages', messages.forwardMessages],
  ['deleteMessage', messages.deleteMessage],
  ['deleteMessages', messages.deleteMessages],
  ['pinChatMessage', messages.pinChatMessage],
  ['unpinChatMessage', messages.unpinChatMessage],
  ['unpinAllChatMessages', messages.unpinAllChatMessages],
  ['setMessageReaction', messages.setMessageReaction],

  ['answerCallbackQuery', queries.answerCallbackQuery],
  ['answerPreCheckoutQuery', queries.answerPreCheckoutQuery],

  ['sendInvoice', payments.sendInvoice],
  ['createInvoiceLink', payments.createInvoiceLink],
  ['refundStarPayment', payments.refundStarPayment],
  ['getStarTransactions', payments.getStarTransactions],
  ['getMyStarBalance', payments.getMyStarBalance],

  ['setMyCommands', profile.setMyCommands],
  ['getMyCommands', profile.getMyCommands],
  ['deleteMyCommands', profile.deleteMyCommands],
  ['setMyName', profile.setMyName],
  ['getMyName', profile.getMyName],
  ['setMyDescription', profile.setMyDescription],
  ['getMyDescription', profile.getMyDescription],
  ['setMyShortDescription', profile.setMyShortDescription],
  ['getMyShortDescription', profile.getMyShortDescription],
  ['setChatMenuButton', profile.setChatMenuButton],
  ['getChatMenuButton', profile.getChatMenuButton],

  ['getChat', profile.getChat],
  ['getChatMember', profile.getChatMember],
  ['getUserProfilePhotos', profile.getUserProfilePhotos],
  ['getFile', profile.getFile],
]
