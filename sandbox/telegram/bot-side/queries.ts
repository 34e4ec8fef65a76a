import { answer, type Method, yes } from './call.ts'
import { badRequest } from './errors.ts'

/** Answers to what people do and then wait for. */
const tooOld = 'query is too old and response timeout expired or query ID is invalid'
const answerTextUnitsMax = 200

export const answerCallbackQuery: Method = ({ telegram, bot, params }) => {
  const tap = telegram.taps.find(params.text('callback_query_id') ?? '')
  if (tap === undefined || tap.bot !== bot.id || !telegram.taps.isOpen(tap)) throw badRequest(tooOld)
  const text = params.text('text') ?? ''
  if (text.length > answerTextUnitsMax) throw badRequest('MESSAGE_TOO_LONG')
  const url = params.text('url') ?? ''
  if (url !== '' && !url.startsWith('https://t.me/') && !url.startsWith('t.me/')) throw badRequest('URL_INVALID')
  telegram.taps.answer(tap, {
    ...(text === '' ? {} : { text }),
    ...(url === '' ? {} : { url }),
    show_alert: params.bool('show_alert'),
    cache_time: params.int('cache_time') ?? 0,
    at: telegram.world.clock.now(),
  })
  return yes
}

export const answerPreCheckoutQuery: Method = ({ telegram, bot, params }) => {
  const id = params.text('pre_checkout_query_id') ?? ''
  const ok = params.bool('ok')
  const errorMessage = params.text('error_message') ?? ''
  if (!ok && errorMessage === '') throw badRequest('error message must be non-empty')
  if (!telegram.checkouts.answer(id, bot.id, ok ? { ok } : { ok, errorMessage })) throw badRequest(tooOld)
  return answer(true)
}
