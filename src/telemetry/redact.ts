import { createHider, shortestSecret } from '../kit/hide.ts'

/**
 * The only door to a sink. Secrets that are known are removed wherever they stand; what has the shape of one is removed
 * although nobody named it.
 */
export type Redact = (text: string) => string

// A bot token: id, colon, 35 symbols [telegram-bot-api 1]; it also stands in file links.
const botToken = /\d{6,12}:[A-Za-z0-9_-]{30,}/g
const bearer = /\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}/gi
const urlPassword = /(\w+:\/\/[^\s:@/]*):[^\s@/]+@/g
const webhookPath = /(\/webhook\/)[A-Za-z0-9_-]+/g

/** `secrets` shorter than six symbols are not searched for: they would hide ordinary words. */
export function createRedact(secrets: readonly (string | undefined)[]): Redact {
  const known = secrets.filter((secret): secret is string => secret !== undefined)
  const hide = createHider(...known)
  return (text) => {
    if (text.length < shortestSecret) return text
    // Two of the patterns are tried at every digit and letter; what they cannot do without is found much faster.
    let shown = hide(text)
    if (shown.includes(':')) shown = shown.replace(botToken, '***')
    shown = shown.replace(bearer, '$1 ***')
    if (shown.includes('://')) shown = shown.replace(urlPassword, '$1:***@')
    return shown.replace(webhookPath, '$1***')
  }
}
