/**
 * MAP: every setting, once: what it means, what it should look like, where to get it. The README's table and `doctor`
 * are printed from here; `config.ts` reads them.
 */
export type Setting = {
  readonly meaning: string
  /** What a right value looks like. */
  readonly shape: string
  readonly initial?: string
  readonly secret?: true
  readonly live?: true
  /** The same setting under a name that operators of the predecessor know. */
  readonly aliases?: readonly string[]
  readonly check?: RegExp
}

const wholeNumber = /^\d{1,9}$/
const decimal = /^\d{1,9}(\.\d{1,6})?$/
const idList = /^\d+(\s*,\s*\d+)*$/
const httpUrl = /^https?:\/\/[^\s/]+/

export const settings = {
  TELEGRAM_BOT_TOKEN: {
    meaning: 'bot token',
    shape: '123456789:AA…, from @BotFather',
    secret: true,
    live: true,
    aliases: ['BOT_TOKEN'],
    check: /^\d{1,15}:[A-Za-z0-9_-]{20,}$/,
  },
  KIE_API_KEY: {
    meaning: 'KIE key',
    shape: 'the key from kie.ai/api-key',
    secret: true,
    live: true,
    check: /^\S{6,}$/,
  },
  DATABASE_URL: {
    meaning: 'PostgreSQL 15 or later',
    shape: 'postgres://user:password@host/database',
    secret: true,
    live: true,
    check: /^postgres(ql)?:\/\//,
  },
  WEBHOOK_BASE_URL: {
    meaning: 'public address of this service',
    shape: 'https://bot.example.com',
    live: true,
    aliases: ['RENDER_EXTERNAL_URL'],
    check: httpUrl,
  },
  WEBHOOK_URL: { meaning: 'wins over WEBHOOK_BASE_URL', shape: 'https://bot.example.com/webhook', check: httpUrl },
  ADMIN_ID: {
    meaning: "operators' Telegram ids",
    shape: '12345678, or several with commas',
    live: true,
    check: idList,
  },
  ADMIN_IDS: { meaning: 'more operators, besides ADMIN_ID', shape: 'ids with commas', check: idList },
  BOT_MODE: {
    meaning: 'how updates arrive',
    shape: 'webhook or polling',
    initial: 'webhook',
    check: /^(webhook|polling)$/,
  },
  PRE_CHECKOUT: {
    meaning: 'how Telegram hears that a payment may go through; call: for a relay that answers Telegram by itself',
    shape: 'answer (in the response to the webhook) or call (a call of its own as well)',
    initial: 'answer',
    check: /^(answer|call)$/,
  },
  PORT: { meaning: 'HTTP port', shape: 'a number up to 65535', initial: '10000', check: wholeNumber },
  LISTEN_ADDRESS: { meaning: 'HTTP address', shape: 'an IP address of this machine', check: /^[0-9a-fA-F.:]+$/ },
  WEBHOOK_SECRET_PATH: {
    meaning: 'last segment of the webhook URL',
    shape: '8 to 128 letters, digits, _ or -',
    secret: true,
    check: /^[A-Za-z0-9_-]{8,128}$/,
  },
  WEBHOOK_SECRET_TOKEN: {
    meaning: 'what Telegram sends in its secret header',
    shape: '8 to 256 letters, digits, _ or -',
    secret: true,
    check: /^[A-Za-z0-9_-]{8,256}$/,
  },
  KIE_CALLBACK_PATH: {
    meaning: 'route of KIE callbacks',
    shape: 'path segments such as callbacks/kie, the first of them not webhook',
    initial: 'callbacks/kie',
    check: /^(?!\/?webhook(\/|$))\/?[A-Za-z0-9_-]{1,100}(\/[A-Za-z0-9_-]{1,100}){0,5}\/?$/,
  },
  KIE_CALLBACK_TOKEN: {
    meaning: 'signs the order reference in the callback URL',
    shape: 'at least 16 letters, digits, _ or -',
    secret: true,
    check: /^[A-Za-z0-9_-]{16,}$/,
  },
  KIE_WEBHOOK_HMAC_KEY: { meaning: "KIE's own signing key", shape: 'the key from kie.ai/settings', secret: true },
  BOT_INSTANCE_ID: {
    meaning: 'name of this bot: its own schema, lock and keys',
    shape: 'a lower-case letter, then up to 30 letters, digits or _',
    check: /^[a-z][a-z0-9_]{0,30}$/,
  },
  LOCK_BACKEND: {
    meaning: 'the authority that says who leads',
    shape: 'postgres or redis',
    initial: 'postgres',
    check: /^(postgres|redis)$/,
  },
  REDIS_URL: {
    meaning: 'Redis, when LOCK_BACKEND is redis',
    shape: 'redis://user:password@host:6379, or rediss:// with TLS',
    secret: true,
    check: /^rediss?:\/\//,
  },
  REDIS_CONNECT_TIMEOUT_SECONDS: {
    meaning: 'longest wait for a connection to Redis',
    shape: 'a number of seconds, at least 1',
    initial: '3',
    check: /^[1-9]\d{0,3}$/,
  },
  WORK: {
    meaning: 'who works: only the leader, or every instance',
    shape: 'exclusive or shared',
    initial: 'exclusive',
    check: /^(exclusive|shared)$/,
  },
  BOOT_WARMUP_BUDGET_SECONDS: {
    meaning: 'longest warm-up after the start, in the background; 0 for none',
    shape: 'a number of seconds',
    initial: '15',
    check: wholeNumber,
  },
  DB_MAX_CONN: { meaning: 'database connections', shape: 'a number of at least 6', initial: '10', check: wholeNumber },
  TELEGRAM_API_ROOT: { meaning: 'another Bot API server', shape: 'an http(s) URL', check: httpUrl },
  KIE_API_URL: { meaning: 'another KIE endpoint', shape: 'an http(s) URL', check: httpUrl },
  KIE_UPLOAD_URL: { meaning: 'another KIE upload endpoint', shape: 'an http(s) URL', check: httpUrl },
  KIE_CREDITS_LOW: {
    meaning: 'with fewer KIE credits than this the operators are told',
    shape: 'a number',
    initial: '200',
    check: wholeNumber,
  },
  LOSS_CREDITS_PER_DAY: {
    meaning: "when a day's losses cost more KIE credits than this, the operators are told",
    shape: 'a number',
    initial: '500',
    check: wholeNumber,
  },
  USD_TO_RUB: { meaning: 'roubles per dollar', shape: 'a decimal number', initial: '78.57', check: decimal },
  PRICE_MULTIPLIER: { meaning: 'price over cost', shape: 'a decimal number', initial: '2', check: decimal },
  STARS_PER_RUB: { meaning: 'Stars per rouble', shape: 'a decimal number', initial: '1.6', check: decimal },
  CURRENCY: { meaning: 'currency of the shop', shape: 'RUB', initial: 'RUB', check: /^RUB$/ },
  SHOP_TIMEZONE: { meaning: "the shop's day", shape: 'a time zone name', initial: 'Europe/Moscow' },
  FREE_DAILY: { meaning: 'free generations a day', shape: 'a number', initial: '5', check: wholeNumber },
  SUPPORT_TELEGRAM: { meaning: 'support contact', shape: '@name', check: /^@?[A-Za-z0-9_]{4,32}$/ },
  SUPPORT_TEXT: { meaning: 'what the help screen says about support', shape: 'a sentence' },
  METRICS_TOKEN: {
    meaning: 'bearer token for /metrics; without one it answers on loopback only',
    shape: 'at least 16 symbols',
    secret: true,
    check: /^\S{16,}$/,
  },
  LOG_LEVEL: {
    meaning: 'least level',
    shape: 'DEBUG, INFO, WARNING or ERROR',
    initial: 'INFO',
    check: /^(DEBUG|INFO|WARNING|ERROR)$/i,
  },
  LOG_FORMAT: { meaning: 'shape of the log', shape: 'text or json', initial: 'text', check: /^(text|json)$/ },
  DATA_DIR: { meaning: 'embedded database and files', shape: 'a folder', initial: '.trt' },
  SANDBOX_PORT: { meaning: 'port of the sandbox', shape: 'a number up to 65535', initial: '10001', check: wholeNumber },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settings
