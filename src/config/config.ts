import type { Level } from '../telemetry/events.ts'
import type { LogFormat } from '../telemetry/telemetry.ts'
import { type Setting, type SettingName, settings } from './settings.ts'

/**
 * The settings, read once into values that cannot contradict one another. Every problem is returned at once; no value
 * of a secret stands in a problem.
 */
export type Config = {
  readonly world: World
  readonly storage:
    | { readonly engine: 'embedded'; readonly directory: string }
    | { readonly engine: 'postgres'; readonly url: string }
  readonly http: { readonly port: number; readonly address: string; readonly metricsToken?: string }
  readonly instanceOf: string
  /** The one authority over who leads; there is never a fall-through from one to the other. */
  readonly lock:
    | { readonly backend: 'postgres' }
    | { readonly backend: 'redis'; readonly url: string; readonly connectMs: number }
  readonly work: WorkMode
  readonly dbMaxConn: number
  readonly webhook: { readonly secretPath?: string; readonly secretToken?: string }
  /** A pre-checkout is answered in the response to the webhook; by a call of its own as well where a relay swallows that. */
  readonly isPreCheckoutCalled: boolean
  readonly kieCallback: { readonly path: string; readonly token?: string; readonly hmacKey?: string }
  readonly operators: readonly number[]
  /** How long the warm-up may take; 0 for none. */
  readonly warmUpMs: number
  /** Fewer KIE credits than this are told to the operators. */
  readonly kieCreditsLow: number
  readonly lossCreditsPerDay: number
  readonly shop: {
    readonly usdToRub: string
    readonly multiplier: string
    readonly starsPerRub: string
    readonly timezone: string
    readonly freeDaily: number
    readonly supportTelegram?: string
    readonly supportText?: string
  }
  readonly log: { readonly level: Level; readonly format: LogFormat }
  readonly dataDir: string
  /** Values that must never be seen, for redaction. */
  readonly secrets: readonly string[]
}

/**
 * Two worlds that never meet. In the sandbox, token and key are made up by the start; a real KIE key may be used there
 * only when `--sandbox` was typed, because it spends real credits.
 */
export type World =
  | {
      readonly kind: 'sandbox'
      readonly mode: BotMode
      readonly sandboxPort: number
      readonly realKieKey?: string
    }
  | {
      readonly kind: 'live'
      readonly botToken: string
      readonly kieKey: string
      readonly mode: BotMode
      readonly publicUrl?: string
      /** The host begins each deploy with an empty disk, but for what is mounted. */
      readonly isEphemeralHost: boolean
      readonly telegramApiRoot: string
      readonly kieApiUrl: string
      readonly kieUploadUrl: string
    }

/** Only the leader works, or every instance does and the leader alone keeps webhook, schedules and upkeep. */
export type WorkMode = 'exclusive' | 'shared'

/** How updates arrive. */
export type BotMode = 'webhook' | 'polling'

export type ConfigProblem = { readonly setting: string; readonly problem: string; readonly todo: string }
export type Env = Readonly<Record<string, string | undefined>>
export type ReadConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

type Values = { readonly [Name in SettingName]?: string }

/** Reads the environment. `sandboxAsked` is the `--sandbox` of `start`. */
export function readConfig(env: Env, { sandboxAsked = false }: { sandboxAsked?: boolean } = {}): ReadConfig {
  const { values, problems } = readValues(env)
  const warnings = [...misspelt(env), ...twoAddresses(env), ...unusedRedis(values)]
  const world = readWorld(values, env, sandboxAsked, problems)
  checkTimezone(values.SHOP_TIMEZONE, problems)
  checkRedis(values, problems)
  const dbMaxConn = Number(settingOf(values, 'DB_MAX_CONN'))
  const connMin = values.WORK === 'shared' ? 7 : 6
  if (dbMaxConn < connMin) {
    problems.push(problem('DB_MAX_CONN', `is less than ${connMin}`, `set it to ${connMin} or more`))
  }
  for (const name of ['PORT', 'SANDBOX_PORT'] as const) {
    if (Number(settingOf(values, name)) > 65_535) problems.push(problem(name, 'is no port', settings[name].shape))
  }
  if (problems.length > 0 || world === undefined) return { ok: false, problems }
  return { ok: true, config: assemble(values, world, dbMaxConn), warnings }
}

function assemble(values: Values, world: World, dbMaxConn: number): Config {
  const dataDir = settingOf(values, 'DATA_DIR')
  const url = values.DATABASE_URL
  return {
    world,
    storage: url === undefined ? { engine: 'embedded', directory: dataDir } : { engine: 'postgres', url },
    http: {
      port: Number(settingOf(values, 'PORT')),
      address: values.LISTEN_ADDRESS ?? (world.kind === 'sandbox' ? '127.0.0.1' : '0.0.0.0'),
      ...given('metricsToken', values.METRICS_TOKEN),
    },
    instanceOf: values.BOT_INSTANCE_ID ?? (world.kind === 'sandbox' ? 'sandbox' : 'main'),
    lock: readLock(values),
    work: values.WORK === 'shared' ? 'shared' : 'exclusive',
    dbMaxConn,
    webhook: {
      ...given('secretPath', values.WEBHOOK_SECRET_PATH),
      ...given('secretToken', values.WEBHOOK_SECRET_TOKEN),
    },
    kieCallback: {
      path: settingOf(values, 'KIE_CALLBACK_PATH').replace(/^\/+|\/+$/g, ''),
      ...given('token', values.KIE_CALLBACK_TOKEN),
      ...given('hmacKey', values.KIE_WEBHOOK_HMAC_KEY),
    },
    operators: operatorsOf(values),
    warmUpMs: Number(settingOf(values, 'BOOT_WARMUP_BUDGET_SECONDS')) * 1000,
    isPreCheckoutCalled: settingOf(values, 'PRE_CHECKOUT') === 'call',
    kieCreditsLow: Number(settingOf(values, 'KIE_CREDITS_LOW')),
    lossCreditsPerDay: Number(settingOf(values, 'LOSS_CREDITS_PER_DAY')),
    shop: {
      usdToRub: settingOf(values, 'USD_TO_RUB'),
      multiplier: settingOf(values, 'PRICE_MULTIPLIER'),
      starsPerRub: settingOf(values, 'STARS_PER_RUB'),
      timezone: settingOf(values, 'SHOP_TIMEZONE'),
      freeDaily: Number(settingOf(values, 'FREE_DAILY')),
      ...given('supportTelegram', values.SUPPORT_TELEGRAM?.replace(/^@/, '')),
      ...given('supportText', values.SUPPORT_TEXT),
    },
    log: { level: levelOf(settingOf(values, 'LOG_LEVEL')), format: values.LOG_FORMAT === 'json' ? 'json' : 'text' },
    dataDir,
    secrets: withPasswords(secretNames.flatMap((name) => values[name] ?? [])),
  }
}

function readLock(values: Values): Config['lock'] {
  const { LOCK_BACKEND: backend, REDIS_URL: url } = values
  if (backend !== 'redis' || url === undefined) return { backend: 'postgres' }
  return { backend, url, connectMs: Number(settingOf(values, 'REDIS_CONNECT_TIMEOUT_SECONDS')) * 1000 }
}

function checkRedis({ LOCK_BACKEND: backend, REDIS_URL: url }: Values, problems: ConfigProblem[]): void {
  if (backend !== 'redis' || url !== undefined) return
  const todo = `set it to ${settings.REDIS_URL.shape}; or unset LOCK_BACKEND, and PostgreSQL says who leads`
  problems.push(problem('REDIS_URL', 'is missing, and LOCK_BACKEND is redis', todo))
}

/** Nobody should believe in a Redis that is never asked. */
function unusedRedis({ LOCK_BACKEND: backend, REDIS_URL: url }: Values): ConfigProblem[] {
  if (url === undefined || backend === 'redis') return []
  const says = 'is set and not used, because LOCK_BACKEND is postgres'
  return [problem('REDIS_URL', says, 'set LOCK_BACKEND=redis, or remove REDIS_URL')]
}

function operatorsOf({ ADMIN_ID: one = '', ADMIN_IDS: more = '' }: Values): readonly number[] {
  const ids = `${one},${more}`.split(',').flatMap((id) => (id.trim() === '' ? [] : [Number(id)]))
  return [...new Set(ids)]
}

function readWorld(values: Values, env: Env, sandboxAsked: boolean, problems: ConfigProblem[]): World | undefined {
  const { TELEGRAM_BOT_TOKEN: botToken, KIE_API_KEY: kieKey } = values
  if (sandboxAsked || (botToken === undefined && kieKey === undefined)) {
    for (const [name, set] of publicTraces(values, env)) {
      if (set) {
        problems.push(
          problem(name, 'says that this is a public service, and the sandbox is for one machine', `set ${goLive}`),
        )
      }
    }
    if (sandboxAsked && botToken !== undefined) {
      problems.push(problem('TELEGRAM_BOT_TOKEN', 'is set, and --sandbox uses no real bot', 'unset one of the two'))
    }
    return {
      kind: 'sandbox',
      mode: modeOf(values),
      sandboxPort: Number(settingOf(values, 'SANDBOX_PORT')),
      ...given('realKieKey', sandboxAsked ? kieKey : undefined),
    }
  }
  if (botToken === undefined || kieKey === undefined) {
    const missing = botToken === undefined ? 'TELEGRAM_BOT_TOKEN' : 'KIE_API_KEY'
    problems.push(
      problem(
        missing,
        'is missing while the other live setting is there',
        `set both (${goLive}), or none for the sandbox`,
      ),
    )
    return undefined
  }
  return readLive(values, env, botToken, kieKey, problems)
}

const goLive = 'TELEGRAM_BOT_TOKEN and KIE_API_KEY'

function publicTraces(values: Values, env: Env): readonly (readonly [string, boolean])[] {
  return [
    ['WEBHOOK_BASE_URL', values.WEBHOOK_BASE_URL !== undefined],
    ['RENDER', (env['RENDER'] ?? '') !== ''],
    ['NODE_ENV', env['NODE_ENV'] === 'production'],
  ]
}

function readLive(values: Values, env: Env, botToken: string, kieKey: string, problems: ConfigProblem[]): World {
  const mode = modeOf(values)
  const publicUrl = (values.WEBHOOK_URL?.replace(/\/webhook\/?$/, '') ?? values.WEBHOOK_BASE_URL)?.replace(/\/+$/, '')
  if (mode === 'webhook' && publicUrl === undefined) {
    problems.push(problem('WEBHOOK_BASE_URL', 'is missing', `set it to ${settings.WEBHOOK_BASE_URL.shape}`))
  }
  if (values.ADMIN_ID === undefined && values.ADMIN_IDS === undefined) {
    problems.push(
      problem('ADMIN_ID', 'is missing', 'set your own Telegram id, so that the bot can tell you of trouble'),
    )
  }
  return {
    kind: 'live',
    botToken,
    kieKey,
    mode,
    ...given('publicUrl', publicUrl),
    isEphemeralHost: (env['RENDER'] ?? '') !== '',
    telegramApiRoot: values.TELEGRAM_API_ROOT ?? 'https://api.telegram.org',
    kieApiUrl: values.KIE_API_URL ?? 'https://api.kie.ai',
    kieUploadUrl: values.KIE_UPLOAD_URL ?? 'https://kieai.redpandaai.co',
  }
}

const modeOf = ({ BOT_MODE: mode }: Values): BotMode => (mode === 'polling' ? 'polling' : 'webhook')

function readValues(env: Env): { values: Values; problems: ConfigProblem[] } {
  const values: { -readonly [Name in SettingName]?: string } = {}
  const problems: ConfigProblem[] = []
  for (const name of names) {
    const setting: Setting = settings[name]
    const text = [name, ...(setting.aliases ?? [])].map((each) => env[each]?.trim()).find((each) => each)
    if (text === undefined) continue
    if (setting.check !== undefined && !setting.check.test(text)) {
      const shown = setting.secret ? '' : ` (${JSON.stringify(text.slice(0, 60))})`
      problems.push(problem(name, `has a wrong value${shown}`, `it should be: ${setting.shape}`))
      continue
    }
    values[name] = text
  }
  return { values, problems }
}

/**
 * Everything in an environment that must never be seen, wrong values too: the secret settings as they are, and the
 * passwords in addresses by themselves. One that is a plain word is not among these: every line with that word in it
 * would suffer.
 */
export function secretsIn(env: Env): readonly string[] {
  return withPasswords(
    secretNames.flatMap((name) => [name, ...aliasesOf(name)].flatMap((each) => env[each]?.trim() || [])),
  )
}

const withPasswords = (secrets: readonly string[]): readonly string[] => [...secrets, ...secrets.flatMap(passwordIn)]

function passwordIn(address: string): readonly string[] {
  const [, written = ''] = /^\w+:\/\/[^:@/]*:([^@/]*)@/.exec(address) ?? []
  try {
    return /^[a-z]*$/i.test(written) ? [] : [written, decodeURIComponent(written)]
  } catch {
    return [written]
  }
}

const names = Object.keys(settings).filter((name): name is SettingName => name in settings)
const secretNames = names.filter((name) => 'secret' in settings[name])

function settingOf(values: Values, name: SettingName): string {
  const setting: Setting = settings[name]
  const value = values[name] ?? setting.initial
  if (value === undefined) throw new Error(`${name} has neither a value nor an initial one`)
  return value
}

const problem = (setting: string, text: string, todo: string): ConfigProblem => ({ setting, problem: text, todo })

function given<K extends string>(name: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]: string })
}

function levelOf(text: string): Level {
  const name = text.toLowerCase()
  return name === 'warning' ? 'warn' : name === 'error' ? 'error' : name === 'debug' ? 'debug' : 'info'
}

function checkTimezone(zone: string | undefined, problems: ConfigProblem[]): void {
  if (zone === undefined) return
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    problems.push(problem('SHOP_TIMEZONE', `is no time zone (${JSON.stringify(zone)})`, 'such as Europe/Moscow'))
  }
}

/** WEBHOOK_URL wins over WEBHOOK_BASE_URL, and that over what the host calls itself. */
function twoAddresses(env: Env): ConfigProblem[] {
  const given = (['WEBHOOK_URL', 'WEBHOOK_BASE_URL', 'RENDER_EXTERNAL_URL'] as const).flatMap((name) => {
    const address = env[name]?.trim().replace(/\/(webhook\/?)?$/, '')
    return address ? [{ name, address }] : []
  })
  const [first, ...others] = given
  return others
    .filter(({ address }) => address !== first?.address)
    .map(({ name, address }) => {
      const says = `(${address}) is another address than ${first?.name} (${first?.address}), which wins`
      return problem(name, says, `remove one of the two`)
    })
}

/** A name within two letters of a known one is probably meant to be that one. */
function misspelt(env: Env): ConfigProblem[] {
  const known = new Set<string>(names.flatMap((name) => [name, ...aliasesOf(name)]))
  return Object.keys(env).flatMap((name) => {
    if (known.has(name) || name.length < 6) return []
    const meant = [...known].find((each) => distance(name, each) <= 2)
    return meant === undefined ? [] : [problem(name, 'is no setting', `did you mean ${meant}?`)]
  })
}

const aliasesOf = (name: SettingName): readonly string[] => (settings[name] as Setting).aliases ?? []

/** Levenshtein distance, given up above two. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 3
}
