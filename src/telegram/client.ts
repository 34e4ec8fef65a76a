import type { Message } from 'grammy/types'
import { type Api, InputFile } from 'grammy/web'
import type { View } from '../conversation/view.ts'
import type { ChatGateway, ChatNo, Sent, SentFile } from '../delivery/chat-gateway.ts'
import type { Clock } from '../kit/clock.ts'
import { keptConnections } from '../kit/exchange.ts'
import { type Destination, type FileId, fileId, messageId } from '../kit/ids.ts'
import { done, later, never, type Outcome, unknown } from '../kit/outcome.ts'
import { createAdmin, type TelegramAdmin } from './admin.ts'
import { isAlreadyRefunded, isNotModified, isTopicGone, type TelegramNo } from './answer.ts'
import { createBotApi } from './bot-api.ts'
import { renderCaption, renderKeyboard, renderPlain, renderText, textUnitsMax } from './send.ts'

/**
 * Telegram as the rest of the service sees it. Every call ends in an outcome and within its limit; nothing is repeated
 * here, because only the errand that made the call knows whether it may be.
 */
export type TelegramDeps = {
  readonly token: string
  /** `https://api.telegram.org`, a Bot API server of one's own, or the sandbox. */
  readonly apiRoot: string
  readonly clock: Clock
  readonly limits?: TelegramLimits
}

export type TelegramLimits = {
  readonly callMs: number
  /** Files, in either direction. */
  readonly fileMs: number
}

/** Telegram's own limit on what a bot may download [telegram-bot-api 4.2]. */
export const downloadBytesMax = 20 * 1024 * 1024

export function createTelegramClient({
  token,
  apiRoot,
  clock,
  limits = { callMs: 10_000, fileMs: 60_000 },
}: TelegramDeps): ChatGateway & TelegramAdmin {
  const api = createBotApi({ token, apiRoot, clock, connections: keptConnections() })
  const call = { limitMs: limits.callMs }
  const upload = { limitMs: limits.fileMs, ownConnection: true }

  /** Calls with the topic of the destination, and once more without it when Telegram says that there is no such topic. */
  async function callTo<T>(
    { chat, topic }: Destination,
    run: (telegram: Api, at: { readonly chat_id: number; readonly message_thread_id?: number }) => Promise<T>,
    options: { readonly limitMs: number; readonly ownConnection?: boolean },
  ): Promise<Outcome<T, TelegramNo>> {
    const inChat = () => api.call((telegram) => run(telegram, { chat_id: chat }), options)
    if (topic === undefined) return await inChat()
    const inTopic = await api.call<T | typeof topicGone>(
      (telegram) => run(telegram, { chat_id: chat, message_thread_id: topic }),
      { ...options, accept: (refused) => (isTopicGone(refused) ? topicGone : undefined) },
    )
    if (inTopic.kind !== 'done') return inTopic
    return inTopic.value === topicGone ? await inChat() : done(inTopic.value)
  }

  async function fetchOnce(file: FileId): Promise<Outcome<{ readonly bytes: Uint8Array }, ChatNo> | 'not_found'> {
    const place = await api.call((telegram) => telegram.raw.getFile({ file_id: file }), call)
    if (place.kind !== 'done') return forChat(place)
    const { file_path: path, file_size: size = 0 } = place.value
    if (size > downloadBytesMax) return never('too_big', `the file has ${size} bytes`)
    if (path === undefined) return never('file_gone', 'Telegram gave no path to the file')
    if (path.startsWith('/')) {
      return never('refused', 'the Bot API server runs with --local and gives paths on its own disk')
    }
    const ending = await api.download(path, { limitMs: limits.fileMs, maxBytes: downloadBytesMax })
    switch (ending.kind) {
      case 'unsent':
        return later('unreachable', api.hide(`Telegram could not be reached: ${ending.detail}`))
      case 'unanswered':
        return unknown(api.hide(`the file did not come: ${ending.detail}`))
      case 'too_long':
        return never('too_big', `the file has more than ${downloadBytesMax} bytes`)
      case 'answered':
        return downloaded(ending.status, ending.body)
    }
  }

  return {
    ...createAdmin(api, call.limitMs),

    async send(to, view) {
      const message = await callTo(to, (telegram, at) => telegram.raw.sendMessage({ ...at, ...textOf(view) }), call)
      return forChat(andThen(message, sentOf))
    },

    async edit(chat, message, view) {
      const edited = await api.call<unknown>(
        (telegram) => telegram.raw.editMessageText({ chat_id: chat, message_id: message, ...textOf(view) }),
        { ...call, accept: (refused) => (isNotModified(refused) ? true : undefined) },
      )
      return forChat(andThen(edited, () => done({ message })))
    },

    async sendFile(to, { bytes, name }, as, view) {
      const file = new InputFile(bytes, nameForTelegram(name))
      const sent = await callTo<Message>(
        to,
        (telegram, at) =>
          as === 'photo'
            ? telegram.raw.sendPhoto({ ...at, photo: file, ...captionOf(view) })
            : telegram.raw.sendDocument({
                ...at,
                document: file,
                // The original is asked for as it is; Telegram would make a video or an animation of some.
                disable_content_type_detection: true,
                ...captionOf(view),
              }),
        upload,
      )
      return forChat(andThen(sent, (message) => sentFileOf(message, as)))
    },

    async sendAgain(to, file, as, view) {
      const sent = await callTo<Message>(
        to,
        (telegram, at) =>
          as === 'photo'
            ? telegram.raw.sendPhoto({ ...at, photo: file, ...captionOf(view) })
            : telegram.raw.sendDocument({ ...at, document: file, ...captionOf(view) }),
        call,
      )
      return forChat(andThen(sent, (message) => sentFileOf(message, as)))
    },

    async answerTap(tap, { text, alert }) {
      const answered = await api.call(
        (telegram) =>
          telegram.raw.answerCallbackQuery({
            callback_query_id: tap,
            ...(text === undefined ? {} : { text: renderPlain(text, toastUnitsMax) }),
            ...(alert === undefined ? {} : { show_alert: alert }),
          }),
        call,
      )
      return forChat(answered)
    },

    async sendInvoice(to, { title, description, payload, label, stars }) {
      const message = await callTo(
        to,
        (telegram, at) =>
          telegram.raw.sendInvoice({
            ...at,
            title: renderPlain(title, titleUnitsMax),
            description: renderPlain(description, descriptionUnitsMax),
            payload,
            // Stars need no payment provider, and Telegram wants to hear that.
            provider_token: '',
            currency: 'XTR',
            prices: [{ label: renderPlain(label, titleUnitsMax), amount: stars }],
          }),
        call,
      )
      return forChat(andThen(message, sentOf))
    },

    async refundStars(person, charge) {
      const refunded = await api.call<true | 'already_refunded'>(
        (telegram) => telegram.raw.refundStarPayment({ user_id: person, telegram_payment_charge_id: charge }),
        { ...call, accept: (refused) => (isAlreadyRefunded(refused) ? 'already_refunded' : undefined) },
      )
      return forChat(andThen(refunded, (how) => done(how === true ? 'refunded' : how)))
    },

    async fetchFile(file) {
      const first = await fetchOnce(file)
      // The path may have expired, and a refused token is "not found" too: asked again, `getFile` says which.
      const outcome = first === 'not_found' ? await fetchOnce(file) : first
      return outcome === 'not_found' ? never('file_gone', 'Telegram names the file and does not find it') : outcome
    },

    async removeKeyboard(to, text) {
      const message = await callTo(
        to,
        (telegram, at) =>
          telegram.raw.sendMessage({
            ...at,
            text: renderPlain(text, textUnitsMax),
            disable_notification: true,
            reply_markup: { remove_keyboard: true },
          }),
        call,
      )
      const sent = andThen(message, sentOf)
      if (sent.kind !== 'done') return forChat(sent)
      // What cannot be deleted may stay: it says something true.
      await api.call(
        (telegram) => telegram.raw.deleteMessage({ chat_id: to.chat, message_id: sent.value.message }),
        call,
      )
      return done(true)
    },

    async sayBusy(to, doing) {
      return forChat(await callTo(to, (telegram, at) => telegram.raw.sendChatAction({ ...at, action: doing }), call))
    },
  }
}

function textOf(view: View) {
  return {
    ...renderText(view.text),
    // What a person wrote may hold a link; nobody asked for a preview of it.
    link_preview_options: { is_disabled: true },
    ...keyboardOf(view),
  }
}

const captionOf = (view: View) => ({ ...renderCaption(view.text), ...keyboardOf(view) })

function keyboardOf(view: View) {
  return view.keyboard.length === 0 ? {} : { reply_markup: renderKeyboard(view.keyboard) }
}

function sentOf(message: Message): Outcome<Sent, never> {
  return typeof message?.message_id === 'number'
    ? done({ message: messageId(message.message_id) })
    : unknown('Telegram said ok, and named no message')
}

function sentFileOf(message: Message, as: 'photo' | 'document'): Outcome<SentFile, never> {
  const file = as === 'photo' ? message?.photo?.at(-1) : (message?.document ?? message?.video ?? message?.audio)
  if (file === undefined) return unknown(`Telegram said ok, and the message has no ${as}`)
  return andThen(sentOf(message), (sent) => done({ ...sent, file: fileId(file.file_id), as }))
}

function downloaded(status: number, bytes: Uint8Array): Outcome<{ readonly bytes: Uint8Array }, ChatNo> | 'not_found' {
  if (status === 200) return done({ bytes })
  if (status === 401) return later('token_refused', 'the download answered HTTP 401')
  if (status === 404 || status === 410) return 'not_found'
  if (status === 429) return later('too_many', 'the download answered HTTP 429')
  return unknown(`the download answered HTTP ${status}`)
}

/** A conflict between pollers cannot come from these calls; should it, it is a bug like any other refusal. */
function forChat<T>(outcome: Outcome<T, TelegramNo>): Outcome<T, ChatNo> {
  if (outcome.kind !== 'not_done') return outcome
  const { why } = outcome
  return { ...outcome, why: why === 'conflict' ? 'refused' : why }
}

function andThen<T, U, Why extends string, More extends string>(
  outcome: Outcome<T, Why>,
  next: (value: T) => Outcome<U, More>,
): Outcome<U, Why | More> {
  return outcome.kind === 'done' ? next(outcome.value) : outcome
}

/** A name of plain letters: grammY writes it into the request as it stands. */
function nameForTelegram(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]+/g, '_').slice(-64)
  return plain === '' ? 'file' : plain
}

const topicGone = Symbol('there is no such topic')
const toastUnitsMax = 200
const titleUnitsMax = 32
const descriptionUnitsMax = 255
