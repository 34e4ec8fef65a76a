/**
 * KIE's answers: `{code, msg, data}` with HTTP status 200 also where the call failed; the code in the body decides.
 */
export type Envelope = { readonly code: number; readonly msg: string; readonly data: unknown }

/** Codes that KIE puts into the body, each with the words it uses when a page gives any. */
const messages: Readonly<Record<number, string>> = {
  400: 'Bad request.',
  401: 'You do not have access permissions',
  402: 'Credits insufficient. The current balance of your account is not enough to run this request. Please top up.',
  404: 'Not Found',
  405: 'Request method is not supported',
  408: 'Upstream is currently experiencing service issues. No result has been returned for over 10 minutes.',
  409: 'The record already exists.',
  413: 'The request is too large.',
  422: 'Validation error.',
  429: 'Your call frequency is too high. Please try again later.',
  430: 'Your call frequency is too high. Please try again later.',
  433: 'The usage limit of this key has been reached.',
  451: 'Failed to fetch the image. Kindly verify any access limits set by you or your service provider.',
  455: 'The service is currently under maintenance. Please try again later.',
  500: 'Server exception, please try again later or contact customer service',
  501: 'Generation failed.',
  505: 'This feature is currently disabled.',
  531: 'Server exception, the generation has failed. Your credits have been returned, please try again.',
  550: 'The channel is currently full. Please try again later.',
}

export const isKieCode = (status: number): boolean => status in messages
export const messageOf = (code: number): string => messages[code] ?? 'Unknown error.'

export const succeeded = (data: unknown): Envelope => ({ code: 200, msg: 'success', data })
export const failed = (code: number, msg: string = messageOf(code)): Envelope => ({ code, msg, data: null })

/** A call that KIE refuses; thrown by a route, answered as an envelope. */
export class Refused extends Error {
  readonly code: number
  constructor(code: number, msg: string = messageOf(code)) {
    super(msg)
    this.code = code
  }
}
