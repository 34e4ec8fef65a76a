import { type Finding, failed, ok, warning } from '../preflight/preflight.ts'
import { type Milestone, wantedUpdates } from './webhook.ts'

/**
 * Six verdicts on the webhook, from the leader to Telegram's own word; each can be wrong while the others are right. An
 * ACTIVE instance without a verified webhook hears nobody, which is the worst that can be found here.
 */
export type WebhookFacts = {
  /** Absent: the schema was never made, so nobody ever led. */
  readonly leader?: LeaderFacts
  readonly now: number
  readonly isLive: boolean
  /** Where the settings say this service is reached; absent when the start chooses it (the sandbox). */
  readonly baseUrl?: string
  /** Absent: neither in the settings nor made yet. */
  readonly secretPath?: string
  readonly hasSecretToken: boolean
  /** What Telegram says; absent when it could not be asked. */
  readonly telegram?: TelegramsWord
  /** When the newest update was stored. */
  readonly lastUpdateAt?: number
}

export type LeaderFacts = {
  readonly epoch: number
  /** The authority that gave the leadership. */
  readonly backend: 'postgres' | 'redis'
  /** Whether the lock is held now, whoever holds it. */
  readonly isHeld: boolean
  readonly instance?: string
  readonly host?: string
  readonly pid?: number
  readonly since?: number
  /** When the holder last said that it lives, and how long ago that is by the authority's own clock. */
  readonly renewedAt?: number
  readonly silentMs?: number
  readonly milestones: Partial<Readonly<Record<Milestone, { readonly epoch: number; readonly at: number }>>>
}

export type TelegramsWord = {
  /** Empty when there is no webhook. */
  readonly url: string
  readonly pending: number
  readonly allowedUpdates: readonly string[]
  readonly lastError?: { readonly at: number; readonly message: string }
}

/** So long a new leader may take to register the webhook and to read it back. */
const graceMs = 60_000
/** A holder that has been silent for longer is taken for frozen. */
export const silentMaxMs = 10_000
const pendingMany = 100

export function judgeWebhook(facts: WebhookFacts): readonly Finding[] {
  return [
    judgeLeader(facts),
    judgeDuties(facts),
    judgeRegistration(facts),
    judgeAddress(facts),
    judgeBelonging(facts),
    judgeWord(facts),
  ]
}

/** With `BOT_MODE=polling` there must be no webhook: Telegram refuses getUpdates while there is one. */
export function judgePolling(facts: WebhookFacts): readonly Finding[] {
  const { telegram } = facts
  const leading = judgeLeader(facts)
  if (telegram === undefined) return [leading]
  return [
    leading,
    telegram.url === ''
      ? ok('webhook.info', `none, as polling wants it; ${telegram.pending} updates wait`)
      : failed(
          'webhook.info',
          `a webhook is set (${telegram.url}) while BOT_MODE is polling, so Telegram refuses to be polled`,
          'restart the service, or remove it by hand: trt webhook delete',
        ),
  ]
}

function judgeLeader({ leader, isLive }: WebhookFacts): Finding {
  const check = 'webhook.leader'
  if (leader === undefined || leader.epoch === 0) {
    return warning(check, 'nobody has ever led here', 'start the service: npm start')
  }
  if (!leader.isHeld) {
    const todo =
      'start the service (npm start); when it runs, see why it stands by: its log, LOCK_WAITING and PASSIVE_ENTER'
    const says = `nobody leads; the last was ${nameOf(leader)} in epoch ${leader.epoch}`
    return isLive ? failed(check, says, todo) : warning(check, says, todo)
  }
  if (leader.silentMs !== undefined && leader.silentMs > silentMaxMs) {
    return failed(
      check,
      `${nameOf(leader)} holds the lock and has been silent for ${Math.round(leader.silentMs / 1000)} s`,
      'look at that process; trt lock free ends its hold',
    )
  }
  return ok(check, `${nameOf(leader)} leads in epoch ${leader.epoch}${sinceOf(leader)}`)
}

function judgeDuties({ leader, now }: WebhookFacts): Finding {
  const check = 'webhook.duties'
  if (!isLed(leader)) return warning(check, 'nobody leads, so nobody keeps the webhook', 'see webhook.leader')
  const done = leader.milestones.duties_started
  if (done?.epoch === leader.epoch) return ok(check, `the leader began its duties at ${timeOf(done.at)}`)
  return late(
    leader,
    now,
    check,
    `the leader of epoch ${leader.epoch} has not begun its duties`,
    'read its log from LOCK_ACQUIRED on (DUTY_FAILED says why); a restart hands the lead to another',
  )
}

function judgeRegistration({ leader, now }: WebhookFacts): Finding {
  const check = 'webhook.set'
  if (!isLed(leader)) return warning(check, 'nobody leads, so nobody sets the webhook', 'see webhook.leader')
  const { webhook_set: set, webhook_verified: verified } = leader.milestones
  if (set?.epoch !== leader.epoch) {
    return late(
      leader,
      now,
      check,
      `ACTIVE without a webhook: setWebhook was not taken in epoch ${leader.epoch}`,
      'read WEBHOOK_SET_RETRY in the log for what Telegram says; set it by hand meanwhile: trt webhook set',
    )
  }
  if (verified?.epoch !== leader.epoch) {
    return late(
      leader,
      now,
      check,
      `ACTIVE without a verified webhook: it was set at ${timeOf(set.at)} and never read back right`,
      'compare webhook.info below with webhook.url; set it by hand: trt webhook set',
    )
  }
  return ok(check, `set at ${timeOf(set.at)}, verified at ${timeOf(verified.at)}, in epoch ${leader.epoch}`)
}

function judgeAddress({ telegram, isLive, secretPath }: WebhookFacts): Finding {
  const check = 'webhook.url'
  if (telegram === undefined) return warning(check, 'Telegram could not be asked', 'see identity')
  const { url } = telegram
  if (url === '')
    return warning(check, 'Telegram has no webhook for this bot', 'start the service, or: trt webhook set')
  if (isLive && !url.startsWith('https://') && !isLoopback(url)) {
    return failed(check, 'the webhook is not https', 'set WEBHOOK_BASE_URL to an https address, then restart')
  }
  if (secretPath === undefined) {
    return warning(check, 'the secret path of this service is not known, so it cannot be compared', 'see database')
  }
  if (lastSegmentOf(url) !== secretPath) {
    return failed(
      check,
      'the webhook does not end in the secret path of this service, so every update is answered with 404',
      'restart the service or run trt webhook set; if it comes back, another program uses this bot token',
    )
  }
  return ok(check, `${shownUrl(url)} carries the secret path`)
}

function judgeBelonging({ baseUrl, telegram, hasSecretToken, isLive }: WebhookFacts): Finding {
  const check = 'webhook.settings'
  if (isLive && baseUrl === undefined) {
    return failed(check, 'no public address is set', 'set WEBHOOK_BASE_URL to where Telegram reaches this service')
  }
  if (!hasSecretToken) {
    return warning(check, 'the secret token is made at the first start', 'start the service: npm start')
  }
  if (baseUrl !== undefined && telegram !== undefined && telegram.url !== '' && !isBelow(baseUrl, telegram.url)) {
    return failed(
      check,
      `the settings say ${baseUrl}, and this token's bot has its webhook at ${shownUrl(telegram.url)}`,
      'use another bot token for this service, or correct WEBHOOK_BASE_URL (WEBHOOK_URL wins over it)',
    )
  }
  return ok(check, 'base URL, bot token and secret token are there and belong together')
}

/** What Telegram says, printed; and what of it needs somebody. */
function judgeWord({ telegram, lastUpdateAt = 0, now }: WebhookFacts): Finding {
  const check = 'webhook.info'
  if (telegram === undefined) return warning(check, 'Telegram could not be asked', 'see identity')
  const { url, pending, lastError } = telegram
  const said = `url=${url === '' ? 'none' : shownUrl(url)} pending=${pending} last_error=${lastError === undefined ? 'none' : JSON.stringify(lastError.message)}`
  if (url === '') return warning(check, said, 'see webhook.url')
  if (lastError !== undefined && lastError.at > lastUpdateAt) {
    return failed(check, `${said} at ${timeOf(lastError.at)}, and nothing arrived since`, remedyOf(lastError.message))
  }
  if (pending > pendingMany) {
    const ago =
      lastUpdateAt === 0 ? 'nothing ever arrived' : `the last arrived ${Math.round((now - lastUpdateAt) / 1000)} s ago`
    return warning(check, `${said}; ${ago}`, 'wait a minute and look again; when it does not fall: trt smoke')
  }
  return ok(check, said)
}

/** Without it every payment would be cancelled after ten seconds. */
export function judgeStars(telegram: TelegramsWord | undefined): Finding {
  const check = 'stars'
  if (telegram === undefined || telegram.url === '') {
    return warning(check, 'no webhook, so payments cannot be confirmed', 'see webhook.url')
  }
  const missing = wantedUpdates.filter((kind) => !telegram.allowedUpdates.includes(kind))
  if (missing.includes('pre_checkout_query')) {
    return failed(
      check,
      'allowed_updates lacks pre_checkout_query, so every payment in Stars times out',
      'run trt webhook set (the leader corrects it within a minute)',
    )
  }
  if (missing.length > 0) {
    return warning(check, `allowed_updates lacks ${missing.join(', ')}`, 'run trt webhook set')
  }
  return ok(check, 'payments in Stars reach the bot (pre_checkout_query is asked for)')
}

/** What a last error of Telegram means for whoever runs the service. */
function remedyOf(message: string): string {
  if (/\b(401|403)\b|unauthorized|forbidden/i.test(message)) {
    return 'the secret token differs (a changed WEBHOOK_SECRET_TOKEN, or two instances with different ones): trt webhook set'
  }
  if (/\b404\b|not found/i.test(message)) return 'the secret path differs: trt webhook set'
  if (/certificate|ssl|tls/i.test(message)) return 'the certificate of the public address is not valid; renew it'
  if (/resolve|getaddrinfo/i.test(message))
    return 'the name of the public address is not known; correct WEBHOOK_BASE_URL'
  return 'see whether the public address leads to this service: the finding "public"'
}

const isLed = (leader: LeaderFacts | undefined): leader is LeaderFacts => leader?.isHeld === true && leader.epoch > 0

/** A new leader is given a minute; after that, what it has not done is a failure. */
function late({ since = 0 }: LeaderFacts, now: number, check: string, says: string, todo: string): Finding {
  return now - since < graceMs
    ? warning(check, `${says} yet; it leads for ${Math.round((now - since) / 1000)} s`, 'look again in a minute')
    : failed(check, says, todo)
}

export function nameOf({ instance = 'unknown', host, pid }: Pick<LeaderFacts, 'instance' | 'host' | 'pid'>): string {
  const where = [host === undefined ? '' : `host ${host}`, pid === undefined ? '' : `pid ${pid}`].filter(Boolean)
  return where.length === 0 ? `instance ${instance}` : `instance ${instance} (${where.join(', ')})`
}

const sinceOf = ({ since }: LeaderFacts): string => (since === undefined ? '' : `, since ${timeOf(since)}`)
const timeOf = (at: number): string => new Date(at).toISOString()
const lastSegmentOf = (url: string): string => url.split('/').at(-1) ?? ''
/** The path is a secret. */
const shownUrl = (url: string): string => url.replace(/[^/]+$/, '***')
const isBelow = (base: string, url: string): boolean => url.startsWith(`${base.replace(/\/+$/, '')}/`)
const isLoopback = (url: string): boolean =>
  URL.canParse(url) && /^(127\.|localhost$|\[::1\]$)/.test(new URL(url).hostname)
