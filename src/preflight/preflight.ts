import type { Outcome } from '../kit/outcome.ts'
import { invoiceStarsMax, topUpRange } from '../money/top-up.ts'

/**
 * The checks before serving, and at any time after: facts in, findings out. Pure, so that `start` and `doctor` say the
 * same of the same facts; each finding says what is so and, unless it is in order, what to do about it.
 *
 * `failed` means that the service cannot do its work like this, `warning` that it can, for now or in part.
 */
export type Finding = {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'failed'
  readonly says: string
  readonly todo?: string
}

export const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says })
export const warning = (check: string, says: string, todo: string): Finding => ({ check, state: 'warning', says, todo })
export const failed = (check: string, says: string, todo: string): Finding => ({ check, state: 'failed', says, todo })

/** What one look at the database tells. */
export type DatabaseFacts = {
  /** Such as 180004 for 18.4. */
  readonly version: number
  readonly readOnly: boolean
  /** How many connections we may have at most, and how many others hold now. */
  readonly room: { readonly limit: number; readonly others: number }
  /** Whether one connection of ours stays one session; a transaction-mode pooler breaks that. */
  readonly sessionStays: boolean
  /** The database's clock minus ours. */
  readonly aheadMs: number
  /** Absent: the schema was never made. */
  readonly schema?: SchemaFacts
}

export type SchemaFacts = {
  /** The newest migration in the schema, and the oldest program that may run on it. */
  readonly applied: number
  readonly oldestProgram: number
  readonly world?: { readonly kind: string; readonly bot: number }
}

/** A database that could not be looked at: what its error means for whoever set DATABASE_URL. */
export function judgeDatabaseFault(error: unknown): Finding {
  const check = 'database'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message || code : String(error)
  const says = (what: string) => `${what} (${message})`
  if (/unsupported startup parameter/i.test(message)) {
    return failed(
      'pooler',
      says('DATABASE_URL leads to a pooler that takes no session settings'),
      'use the direct address of the database, or a pooler in session mode',
    )
  }
  if (code === '28P01' || code === '28000') {
    return failed(check, says('the database refuses user or password'), 'correct user and password in DATABASE_URL')
  }
  if (code === '3D000') return failed(check, says('there is no such database'), 'create it, or correct DATABASE_URL')
  if (code === '53300') {
    return failed(check, says('the database has no connection left'), 'raise max_connections, or end what holds them')
  }
  if (code === '42501') {
    return failed(check, says('this user may not read the schema'), 'let DATABASE_URL name the user that owns it')
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return failed(check, says('the host of the database is not known'), 'correct the host in DATABASE_URL')
  }
  if (/ssl|tls|certificate/i.test(message)) {
    return failed(check, says('the encrypted connection failed'), 'add or remove ?sslmode=require in DATABASE_URL')
  }
  return failed(check, says('the database does not answer'), 'start it, or correct host and port in DATABASE_URL')
}

const versionMin = 15
/** A clock that is wrong by more makes lists of errands and leases hard to read; by much more, it shifts the shop's day. */
const skewMaxMs = 5_000

export function judgeDatabase(facts: DatabaseFacts, dbMaxConn: number): readonly Finding[] {
  const major = Math.floor(facts.version / 10_000)
  return [
    facts.readOnly
      ? failed(
          'database',
          'the database is a standby that only reads',
          'point DATABASE_URL at the primary, not at a replica',
        )
      : major < versionMin
        ? failed(
            'database',
            `the database is PostgreSQL ${major}, and ${versionMin} is the oldest that works`,
            `upgrade it, or point DATABASE_URL at a PostgreSQL of version ${versionMin} or later`,
          )
        : ok('database', `PostgreSQL ${major} answers`),
    judgeRoom(facts.room, dbMaxConn),
    facts.sessionStays
      ? ok('pooler', 'a connection stays one session')
      : failed(
          'pooler',
          'DATABASE_URL leads through a pooler in transaction mode, which hands one session to many; locks would be lost',
          'use the direct address of the database (often port 5432 instead of 6543), or a pooler in session mode',
        ),
    judgeSkew('clock.database', "the database's", facts.aheadMs),
  ]
}

/** A deploy runs two instances at once. What others hold may be gone in a moment, so it alone stops nobody. */
function judgeRoom({ limit, others }: DatabaseFacts['room'], dbMaxConn: number): Finding {
  const check = 'connections'
  if (limit < dbMaxConn) {
    return failed(
      check,
      `the database gives us ${limit} connections, and DB_MAX_CONN is ${dbMaxConn}`,
      'set DB_MAX_CONN lower (6 at least), or raise max_connections',
    )
  }
  if (limit - others < dbMaxConn) {
    return warning(
      check,
      `of ${limit} connections of the database others hold ${others}, and DB_MAX_CONN is ${dbMaxConn}`,
      'set DB_MAX_CONN lower (6 at least), raise max_connections, or end what holds the others',
    )
  }
  if (limit < 2 * dbMaxConn) {
    return warning(
      check,
      `the database gives us ${limit} connections; a deploy runs two instances and wants ${2 * dbMaxConn}`,
      `set DB_MAX_CONN to ${Math.max(6, Math.floor(limit / 2))}, or raise max_connections`,
    )
  }
  return ok(check, `room for ${limit - others}, and an instance takes ${dbMaxConn}`)
}

/** `shipped` is the number of migrations of this program, which is also the program's number. */
export function judgeSchema(facts: SchemaFacts | undefined, schema: string, shipped: number): Finding {
  if (facts === undefined) return ok('migrations', `the schema ${schema} is made at the first start`)
  if (shipped < facts.oldestProgram) {
    return failed(
      'migrations',
      `the database is of a newer program: its schema (${facts.applied}) needs at least program ` +
        `${facts.oldestProgram}, and this one is ${shipped}`,
      'start the newer version, or restore a backup of before',
    )
  }
  if (facts.applied > shipped) {
    return warning(
      'migrations',
      `the schema (${facts.applied}) is newer than this program (${shipped}), and still fits it`,
      'nothing during a deploy or after a rollback; else start the newer version',
    )
  }
  const pending = shipped - facts.applied
  return pending === 0
    ? ok('migrations', `all ${shipped} are applied`)
    : ok('migrations', `${pending} of ${shipped} are applied at the next start`)
}

export type OwnWorld = { readonly kind: 'sandbox' | 'live'; readonly bot: number }

/** The first start writes the world and the bot into the schema; another world stops, another bot is a warning. */
export function judgeWorld(written: SchemaFacts['world'], mine: OwnWorld): Finding {
  if (written === undefined) return ok('world', `${mine.kind}; the first start writes it into the schema`)
  if (written.kind !== mine.kind) {
    return failed(
      'world',
      `this database belongs to the ${written.kind} world, and these settings are ${mine.kind}`,
      'use another DATABASE_URL or DATA_DIR, or another BOT_INSTANCE_ID; the two worlds never share one',
    )
  }
  if (written.bot !== mine.bot) {
    return warning(
      'world',
      `the bot is ${mine.bot}, and this database was begun by ${written.bot}`,
      'if that is meant, nothing; files and payments of the two are never mixed',
    )
  }
  return ok('world', `${mine.kind}, bot ${mine.bot}`)
}

/** Where the data lives when no DATABASE_URL is set. `diskStays` says whether the folder outlives a deploy. */
export function judgeStorage(
  storage: { readonly engine: 'embedded'; readonly place: string } | { readonly engine: 'postgres' },
  { kind, diskStays }: { readonly kind: 'sandbox' | 'live'; readonly diskStays: boolean },
): Finding {
  if (storage.engine === 'postgres') return ok('storage', 'the database of DATABASE_URL')
  if (kind === 'sandbox') return ok('storage', `the embedded database in ${storage.place}`)
  const lost = 'people, balances and orders'
  return diskStays
    ? warning(
        'storage',
        `DATABASE_URL is missing, so ${lost} are kept in ${storage.place} and are lost with this machine`,
        'set DATABASE_URL to a PostgreSQL that is backed up',
      )
    : failed(
        'storage',
        `DATABASE_URL is missing, and ${storage.place} is emptied by the next deploy: ${lost} would be lost`,
        'set DATABASE_URL, or mount a disk and set DATA_DIR to it',
      )
}

/** What of the settings makes prices and gifts; written down by every start that changed it. */
export type ShopTerms = {
  readonly usdToRub: string
  readonly multiplier: string
  readonly starsPerRub: string
  readonly timezone: string
  readonly freeDaily: number
}
const terms = [
  ['USD_TO_RUB', 'usdToRub'],
  ['PRICE_MULTIPLIER', 'multiplier'],
  ['STARS_PER_RUB', 'starsPerRub'],
  ['SHOP_TIMEZONE', 'timezone'],
  ['FREE_DAILY', 'freeDaily'],
] as const

/** What the last start wrote down, beside the settings that are looked at. */
export function judgeShop(written: Partial<ShopTerms> | undefined, mine: ShopTerms): Finding {
  const check = 'shop'
  if (written === undefined) return ok(check, 'the first start writes down what prices are made of')
  const differing = terms.filter(([, term]) => written[term] !== mine[term])
  if (differing.length === 0) return ok(check, 'prices are made of what the last start wrote down')
  const each = differing.map(([name, term]) => `${name} is ${mine[term]} here and was ${written[term]}`)
  return warning(
    check,
    `${each.join(', ')} at the last start of the shop`,
    'if the change is meant, restart every instance; else give this shell and all instances the same settings',
  )
}

/** Whether anybody can pay: Telegram takes no invoice over more than 100,000 Stars. */
export function judgeTopUps(starsPerRub: string): Finding {
  const check = 'top-ups'
  const { min, max } = topUpRange(starsPerRub)
  const [least, most] = [min / 100, max / 100]
  if (max >= min) return ok(check, `at ${starsPerRub} Stars a rouble people top up by ${least} to ${most} roubles`)
  return failed(
    check,
    `at ${starsPerRub} Stars a rouble nobody can top up: ${least} roubles, the least, must be 1 to ${invoiceStarsMax} Stars`,
    'correct STARS_PER_RUB; 1.6 is usual',
  )
}

export type WorkFacts = { readonly instance: string; readonly work: 'exclusive' | 'shared' }

/** The instances that run, beside the setting that is looked at: one that works alone does not know of one that shares. */
export function judgeWork(running: readonly WorkFacts[], mine: WorkFacts['work']): Finding {
  const check = 'work'
  const others = running.filter(({ work }) => work !== mine)
  if (others.length === 0) return ok(check, `${mine}; no instance says otherwise`)
  const names = others.map(({ instance }) => instance).join(', ')
  return warning(
    check,
    `WORK is ${mine} here and ${others[0]?.work} in ${names}`,
    'during a deploy that changes it, nothing; else give all instances the same WORK and restart them',
  )
}

export function judgeSkew(check: string, whose: string, aheadMs: number): Finding {
  const s = Math.round(Math.abs(aheadMs) / 1000)
  if (Math.abs(aheadMs) <= skewMaxMs) return ok(check, `${whose} clock and ours agree`)
  return warning(
    check,
    `${whose} clock is ${s} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`,
    'let this machine take its time from the network (NTP)',
  )
}

/** How Telegram answered `getMe`. */
export function judgeIdentity(me: Outcome<{ readonly username: string; readonly id: number }>): Finding {
  const check = 'identity'
  if (me.kind === 'done') return ok(check, `Telegram knows the bot: @${me.value.username} (id=${me.value.id})`)
  return me.kind === 'not_done' && me.why === 'token_refused'
    ? failed(
        check,
        `Telegram refuses the bot token (${me.detail})`,
        'take the token from @BotFather (/mybots, API Token) and set TELEGRAM_BOT_TOKEN',
      )
    : failed(
        check,
        `Telegram does not answer (${me.detail})`,
        'check the network of this machine, and TELEGRAM_API_ROOT when it is set',
      )
}

/**
 * Whether an operator can be told anything, by how Telegram answered a chat action: it refuses one for whoever has blocked
 * the bot, or has never pressed Start. Undefined when Telegram said nothing about that.
 */
export function judgeOperator(operator: number, asked: Outcome<unknown>): Finding | undefined {
  const check = `operator.${operator}`
  if (asked.kind === 'done') return ok(check, 'reads what this bot writes')
  if (asked.kind === 'unknown' || asked.retry.when === 'later') return undefined
  return warning(
    check,
    `operator ${operator} cannot be told anything (${asked.detail})`,
    'let them open the bot and press Start, or unblock it; when that is nobody, correct ADMIN_ID',
  )
}

/** Enough for a handful of pictures; below it the next buyers are refused. */
const creditsFew = 100

/** How KIE answered when it was asked for the credits. */
export function judgeProvider(asked: Outcome<string>): Finding {
  const check = 'kie'
  const why = asked.kind === 'not_done' ? asked.why : undefined
  const topUp = 'top up at kie.ai/billing'
  if (why === 'no_credits' || (asked.kind === 'done' && Number(asked.value) <= 0)) {
    return failed(check, 'the key is right, and no credits are left at KIE', topUp)
  }
  if (asked.kind === 'done') {
    return Number(asked.value) < creditsFew
      ? warning(check, `only ${asked.value} credits are left at KIE`, topUp)
      : ok(check, `the key is right; ${asked.value} credits left`)
  }
  return why === 'key_refused'
    ? failed(check, `KIE refuses the key (${asked.detail})`, 'take the key from kie.ai/api-key and set KIE_API_KEY')
    : failed(
        check,
        `KIE does not answer (${asked.detail})`,
        'check the network of this machine, and KIE_API_URL when it is set',
      )
}

/** What this machine makes of a name. */
export type ResolvedHost = {
  readonly host: string
  readonly addresses: readonly string[]
  /** At least one of the addresses is. */
  readonly isPublic: boolean
  readonly error?: string
}

/** The hosts of KIE's files; of those that give results some may be gone, as KIE promises no list of them. */
export function judgeFileHosts(hosts: readonly ResolvedHost[]): Finding {
  const check = 'kie.files'
  const todo =
    'let the resolver of this machine give the real addresses: see /etc/hosts and /etc/resolv.conf, and take these hosts out of a VPN or proxy with fake addresses (fake-ip); nothing is sold while results cannot be fetched'
  const misled = hosts.filter(({ isPublic, addresses }) => !isPublic && addresses.length > 0)
  if (misled.length > 0) {
    const says = misled.map(({ host, addresses }) => `${host} resolves to ${addresses.join(', ')}`).join('; ')
    return failed(check, `${says}, which is no public address, so no file is fetched from there`, todo)
  }
  const unknown = hosts.filter(({ isPublic }) => !isPublic)
  const [first] = unknown
  if (first !== undefined && unknown.length === hosts.length) {
    return failed(check, `the hosts of KIE's files are not known here (${first.host}: ${first.error})`, todo)
  }
  return ok(check, "the names of KIE's file hosts lead to public addresses")
}

/** A finding as one sentence, for whoever shows no table. */
export const sentenceOf = ({ check, says, todo }: Finding): string =>
  todo === undefined ? `${check}: ${says}.` : `${check}: ${says}. To do: ${todo}.`

/** The last word of a report: the worst that was found, in one line, with the first thing to do. */
export function summary(findings: readonly Finding[]): { readonly isWell: boolean; readonly next: string } {
  const wrong = findings.filter(({ state }) => state === 'failed')
  const doubtful = findings.filter(({ state }) => state === 'warning')
  const first = wrong[0] ?? doubtful[0]
  if (first === undefined) return { isWell: true, next: 'Everything is in order. Nothing to do.' }
  const counts = [
    ...(wrong.length === 0 ? [] : [`${wrong.length} failed`]),
    ...(doubtful.length === 0 ? [] : [`${doubtful.length} ${doubtful.length === 1 ? 'warning' : 'warnings'}`]),
  ]
  return {
    isWell: wrong.length === 0,
    next: `${counts.join(', ')}. Next, ${first.check}: ${first.todo ?? first.says}.`,
  }
}
