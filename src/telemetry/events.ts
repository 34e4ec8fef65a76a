/**
 * MAP: every fact the service tells an operator. `meaning` and `action` are printed into docs/telemetry.md; `also` is
 * the sentence that operators of the predecessor search for. Fields in `fields` are always there, `more` sometimes.
 */
export const events = {
  // An update's way, one cid from the first line to the last.
  UPDATE_RECEIVED: event('TELEMETRY', 'info', ['cid', 'update_id', 'kind', 'ack_ms'], {
    more: ['user_id', 'duplicate'],
    meaning: 'an update is committed and acknowledged',
  }),
  WEBHOOK_ACK_SLOW: event('TELEMETRY', 'warn', ['cid', 'update_id', 'ack_ms'], {
    meaning: 'the acknowledgement took over 200 ms',
    action: 'look at trt_db_pool_wait_seconds and at the disk of the database',
  }),
  WEBHOOK_REFUSED: event('TELEMETRY', 'warn', ['status', 'reason'], {
    meaning: 'a request to the webhook was refused before it was read',
    action: 'if it is Telegram (doctor shows last_error), compare path and token; else it is a stranger',
  }),
  COMMAND_RECEIVED: event('TELEMETRY', 'info', ['cid', 'command'], { meaning: 'a person sent a command' }),
  MESSAGE_RECEIVED: event('TELEMETRY', 'info', ['cid', 'message'], { meaning: 'a person sent a message of this kind' }),
  CALLBACK_RECEIVED: event('TELEMETRY', 'info', ['cid', 'callback_id', 'update_id'], {
    meaning: 'a person pressed a button',
  }),
  CALLBACK_ROUTED: event('TELEMETRY', 'info', ['cid', 'handler'], { meaning: 'the button leads to this place' }),
  CALLBACK_ACCEPTED: event('TELEMETRY', 'info', ['cid'], { meaning: 'the press had its effect' }),
  CALLBACK_REJECTED: event('TELEMETRY', 'info', ['cid', 'reason_code'], {
    meaning: 'the press was answered with a refusal',
  }),
  UI_RENDER: event('TELEMETRY', 'info', ['cid', 'screen_id'], { meaning: 'a screen was drawn in the step' }),
  DISPATCH_OK: event('TELEMETRY', 'info', ['cid', 'took_ms'], { meaning: 'the step of this update is committed' }),
  DISPATCH_FAIL: event('TELEMETRY', 'error', ['cid', 'reason_code', 'attempt'], {
    more: ['update_id', 'detail'],
    meaning: 'handling failed; the update stays in the inbox and is tried again',
    action: 'trt story <cid>; when it was shelved: trt inbox retry <update>',
  }),
  UPDATE_SHELVED: event('TELEMETRY', 'error', ['cid', 'update_id', 'attempts'], {
    meaning: 'an update failed five times and was set aside; the person was told, their lane goes on',
    action: 'trt story <cid>, then trt inbox retry <update>',
  }),
  UI_SHOWN: event('TELEMETRY', 'info', ['cid', 'screen_id', 'message_id', 'took_ms'], {
    meaning: 'Telegram took the screen',
  }),
  UI_NOT_SHOWN: event('TELEMETRY', 'warn', ['cid', 'reason_code'], {
    more: ['screen_id', 'detail'],
    meaning: 'Telegram did not take the screen',
    action: 'DOWNSTREAM_* passes by itself; PERMISSION_DENIED: the person blocked the bot',
  }),
  MESSAGE_UNCONFIRMED: event('TELEMETRY', 'warn', ['cid', 'what', 'calls'], {
    more: ['detail'],
    meaning: 'Telegram never said whether it took this message; it was sent a few times, and is not sent again',
    action: 'nothing: the person has it, or asks again',
  }),
  MESSAGE_REFUSED: event('TELEMETRY', 'error', ['cid', 'method', 'what', 'detail'], {
    meaning:
      'Telegram refuses this message for good; the person reads a plain one in its place, and the operators were told of the first of its kind',
    action: 'trt story <cid>; it is a fault of ours or a new rule of Telegram: report `method` and `detail`',
  }),
  TELEGRAM_AWAY: event('TELEMETRY', 'error', ['why', 'detail'], {
    meaning:
      'Telegram does not answer, or refuses the token; nothing is sent until a probe is answered, and nothing is lost',
    action:
      'token_refused: check TELEGRAM_BOT_TOKEN with BotFather; no_answer: look at the network. It goes on by itself',
  }),
  TELEGRAM_BACK: event('TELEMETRY', 'info', ['away_s'], {
    meaning: 'Telegram answers again; what waited is sent, at a steady pace',
  }),
  RESULTS_AWAY: event('TELEMETRY', 'error', ['host', 'why', 'detail'], {
    meaning:
      'the host of results does not answer, or its name leads to no public address; results of it wait, and nothing is sold while it is the one that KIE uses',
    action:
      'no_public_address: the resolver of this machine (a VPN or proxy with fake addresses) must give the real ones; no_answer: look at the network. It goes on by itself: trt doctor',
  }),
  RESULTS_BACK: event('TELEMETRY', 'info', ['host', 'away_s'], {
    meaning: 'the host of results answers again; what waited is fetched',
  }),
  UPLOADS_AWAY: event('TELEMETRY', 'error', ['detail'], {
    meaning: 'the host that takes files for KIE does not answer; orders with a photo wait, for a day at most',
    action: 'look at the network of this machine and at KIE_UPLOAD_URL. It goes on by itself: trt doctor',
  }),
  UPLOADS_BACK: event('TELEMETRY', 'info', ['away_s'], {
    meaning: 'the host that takes files for KIE answers again; orders that waited go on',
  }),
  PASSIVE_REJECT: event('TELEMETRY', 'warn', ['kind'], {
    meaning: 'a PASSIVE instance could not store an update and answered 503; Telegram keeps it',
    action: 'look at the database',
  }),
  INBOX_OLD: event('TELEMETRY', 'warn', ['pending', 'oldest_s'], {
    meaning: 'an update has waited for over a minute',
    action: 'trt inbox list; look at the database and at DUTY_FAILED',
  }),
  LOG_LINES_DROPPED: event('TELEMETRY', 'warn', ['count'], {
    meaning:
      'nobody read the log for a while, so this many lines before this one are missing; nothing else was held up',
    action: 'find out why the reader of standard output stood still (a log driver, a full disk, a paused pipe)',
  }),
  EXCEPTION_CAUGHT: event('EXCEPTION', 'error', ['error_type', 'error_message'], {
    more: ['cid', 'where', 'stack'],
    meaning: 'something broke and was caught',
    action: 'read the message; the work it belongs to is tried again or shelved',
  }),

  ORDER_PLACED: event('ORDER', 'info', ['cid', 'order_id', 'model', 'price'], {
    meaning: 'an order exists, with its hold',
  }),
  KIE_TASK_CREATED: event('ORDER', 'info', ['cid', 'order_id', 'task_id', 'model'], { meaning: 'KIE took the task' }),
  KIE_CALLBACK_RECEIVED: event('ORDER', 'info', ['order_id'], {
    more: ['cid', 'task_id', 'outcome'],
    meaning: 'KIE rang; the task is looked at',
  }),
  KIE_CALLBACK_REFUSED: event('ORDER', 'warn', ['status', 'reason'], {
    meaning: 'a callback without a reference or signature of ours',
    action: 'a stranger, or KIE_CALLBACK_TOKEN / KIE_WEBHOOK_HMAC_KEY was changed',
  }),
  KIE_TASK_OBSERVED: event('ORDER', 'info', ['cid', 'order_id', 'state'], {
    more: ['task_id', 'detail'],
    meaning: 'KIE was asked where the task stands',
  }),
  KIE_STATE_UNRECOGNIZED: event('ORDER', 'error', ['cid', 'order_id', 'raw'], {
    meaning: 'KIE answered with a state nobody described; the errand is tried again, then shelved',
    action: 'read the raw answer; the order is untouched until a known state is seen',
  }),
  KIE_REFUSED: event('ORDER', 'error', ['why'], {
    more: ['cid', 'order_id', 'detail'],
    meaning: 'KIE does not sell to us now (key, credits, maintenance, unknown model)',
    action: 'key_refused: check KIE_API_KEY; no_credits: top up at KIE; model_gone: update the catalog',
  }),
  KIE_CREDITS: event('ORDER', 'info', ['credits'], { meaning: 'the credits left at KIE when the service started' }),
  KIE_CREDITS_LOW: event('ORDER', 'warn', ['credits', 'level'], {
    meaning: 'fewer credits are left at KIE than KIE_CREDITS_LOW',
    action: 'top up at kie.ai/billing',
  }),
  SELLING_PAUSED: event('ORDER', 'error', ['why'], {
    more: ['credits', 'detail'],
    meaning:
      'nothing is sold: KIE refuses the key, or the credits do not suffice for the cheapest offer; nobody is charged',
    action: 'key_refused: check KIE_API_KEY; no_credits: top up at kie.ai/billing. It goes on by itself',
  }),
  SELLING_RESUMED: event('ORDER', 'info', [], { more: ['credits'], meaning: 'KIE sells to us again, and so do we' }),
  RESULT_DELIVERED: event('ORDER', 'info', ['cid', 'order_id', 'message_id'], {
    more: ['gift'],
    meaning: 'Telegram took the result',
  }),
  RESULT_NOT_DELIVERED: event('ORDER', 'warn', ['cid', 'order_id', 'reason_code'], {
    more: ['detail'],
    meaning: 'a result could not be fetched, or Telegram did not take it; it is kept and tried again',
    action: 'nothing, unless it repeats',
  }),
  RESULT_UNCONFIRMED: event('ORDER', 'error', ['cid', 'order_id', 'calls'], {
    more: ['detail'],
    meaning:
      'a result was sent several times and Telegram never said whether it took it; it is sent again only now and then, and nothing is charged yet',
    action: 'trt story <cid>; ask the person whether they have it',
  }),
  RESULT_LOST: event('ORDER', 'warn', ['cid', 'order_id', 'result', 'reason'], {
    meaning:
      'one result of an order (counted from 1) could not be brought; its share of the price goes back, and it is still looked for now and then, unless it is `too_big` or `refused`',
    action: 'trt story <cid> has the answers of its host; many of one reason in a row need a look at that host',
  }),
  LOSS_RECORDED: event('ORDER', 'info', ['cid', 'cause', 'detail'], {
    more: ['order_id', 'result', 'credits', 'kopecks'],
    meaning:
      'an order or a part of it brought no revenue, an input was lost, or a message was refused: `cause` says which',
    action: 'trt losses shows the day by cause; operations.md, "Losses", has what to check and do for each cause',
  }),
  ORDER_COMPLETED: event('ORDER', 'info', ['cid', 'order_id', 'price'], {
    more: ['model', 'task_id'],
    meaning: 'delivered and paid',
  }),
  ORDER_RELEASED: event('ORDER', 'info', ['cid', 'order_id', 'reason'], {
    more: ['model', 'task_id'],
    meaning: 'the hold was given back, the person told why',
  }),
  ORDER_UNCERTAIN: event('ORDER', 'warn', ['cid', 'order_id'], {
    more: ['detail'],
    meaning: 'the answer to the submit was lost; the callback or the deadline decides',
    action: 'nothing; the person pays nothing unless the result arrives',
  }),
  ORDER_DEADLINE_PASSED: event('ORDER', 'warn', ['cid', 'order_id', 'status'], {
    meaning: 'an order was in this state for too long: its hold goes back (after submitting it is uncertain first)',
    action: 'trt story <cid> shows what its job failed of (ERRAND_FAILED, KIE_REFUSED, RESULT_NOT_DELIVERED)',
  }),
  ORDER_JOB_RESTORED: event('ORDER', 'warn', ['cid', 'order_id', 'kind'], {
    meaning: 'an order had no job to move it on, so it was given one',
    action: 'nothing; when it happens again and again, look at how jobs are lost',
  }),
  ORDER_UNREADABLE: event('ORDER', 'error', ['order_id', 'detail'], {
    meaning: 'an order was stored by a newer program and cannot be read by this one; it is left as it is',
    action: 'run the newer version again; until then the money of this order stays held',
  }),

  HOLD_PLACED: event('MONEY', 'info', ['cid', 'order_id', 'price'], { meaning: 'the price is reserved' }),
  HOLD_CAPTURED: event('MONEY', 'info', ['cid', 'order_id', 'price'], {
    more: ['given_back'],
    meaning: 'the reserved price was taken, or the share of it that arrived; the rest was given back',
  }),
  HOLD_RELEASED: event('MONEY', 'info', ['cid', 'order_id', 'price'], { meaning: 'the reserved price was given back' }),
  TOPUP_CREDITED: event('MONEY', 'info', ['cid', 'kopecks', 'stars'], {
    more: ['top_up_id'],
    meaning: 'a Stars payment is on the balance',
  }),
  TOPUP_WITHOUT_INVOICE: event('MONEY', 'warn', ['cid', 'stars', 'kopecks'], {
    meaning: 'Stars arrived for no open top-up of ours; they were credited at the rate of today',
    action: 'look at the payment in the ledger; refund it if the person asks',
  }),
  PAYMENT_REFUSED: event('MONEY', 'error', ['cid', 'charge', 'currency', 'amount'], {
    meaning: 'a payment that is not in Stars arrived; nothing was credited and the operators were told',
    action: 'find out who sent this invoice; give the money back, or credit it: trt people credit',
  }),
  PRE_CHECKOUT_ANSWERED: event('MONEY', 'info', ['ok'], {
    more: ['reason', 'took_ms'],
    meaning: 'a payment was allowed or refused before it was made',
  }),
  REFUNDED: event('MONEY', 'info', ['cid'], {
    more: ['order_id', 'charge', 'kopecks'],
    meaning: 'captured money or Stars were given back',
  }),

  ERRAND_FAILED: event('ERRAND', 'warn', ['kind', 'attempt', 'error'], {
    more: ['cid'],
    meaning: 'an errand failed and is tried again, after a pause that grows',
    action: 'nothing, unless it is shelved',
  }),
  ERRAND_SHELVED: event('ERRAND', 'error', ['kind', 'error'], {
    more: ['cid'],
    meaning: 'an errand failed for the last time and stays shelved until a person decides',
    action: 'trt jobs list; fix the cause, then trt jobs retry <id>',
  }),
  ERRANDS_UNLOCKED: event('ERRAND', 'info', ['workers'], {
    meaning: 'jobs that an instance held which does not work any more are free again',
  }),
  ERRANDS_OLD: event('ERRAND', 'warn', ['pending', 'oldest_s'], {
    meaning: 'an errand has been due for over a minute',
    action: 'look at ERRAND_FAILED, DUTY_FAILED and at Telegram or KIE',
  }),
  OPERATOR_TOLD: event('ERRAND', 'info', ['what'], { more: ['cid'], meaning: 'a message to the operators' }),
  OPERATOR_OUT_OF_REACH: event('ERRAND', 'warn', ['operator', 'error', 'cid'], {
    meaning:
      'this operator has blocked the bot or never pressed Start; logged once. Alerts go to the other operators; when none can be reached, they are kept until one presses Start',
    action: 'let this person open the bot and press Start; correct ADMIN_ID when it names somebody else',
  }),
  OPERATOR_NOT_TOLD: event('ERRAND', 'warn', ['what', 'error'], {
    more: ['cid'],
    meaning: 'Telegram did not take a message to an operator',
    action: 'nothing, unless it repeats; `error` has the words of Telegram',
  }),

  PREFLIGHT_STARTED: event('BOOT', 'info', ['version', 'instance', 'world'], {
    more: ['work'],
    meaning: 'the start begins',
  }),
  HTTP_LISTENING: event('BOOT', 'info', ['address', 'port'], { meaning: 'the port is bound, for good' }),
  PREFLIGHT_FINDING: event('BOOT', 'warn', ['check', 'problem'], {
    more: ['todo'],
    meaning: 'something is not as it should be',
    action: 'do what `todo` says',
  }),
  PREFLIGHT_OK: event('BOOT', 'info', [], { meaning: 'settings, database and catalog are in order' }),
  MIGRATED: event('BOOT', 'info', ['from', 'to'], { meaning: 'the schema was brought up to date' }),
  CATALOG_READY: event('BOOT', 'info', ['offers', 'took_ms'], { meaning: 'the offers are compiled and checked' }),
  MENU_READY: event('BOOT', 'info', ['screens', 'took_ms'], { meaning: 'every screen is reachable' }),
  MIGRATIONS_REFUSED: event('BOOT', 'error', ['schema', 'program', 'oldest'], {
    meaning: 'the database is of a newer program, so this one does not start',
    action: 'start the newer version, or restore a backup of before',
  }),
  BOOT_WARMUP_DONE: event('BOOT', 'info', ['elapsed_ms'], {
    more: ['failed'],
    meaning: 'connections were made ahead of their first use, beside the service and not before it',
  }),
  BOOT_WARMUP_CANCELLED: event('BOOT', 'info', ['elapsed_ms', 'budget_ms'], {
    meaning: 'the warm-up was cut, by its budget or by a stop; what it had not done is done at its first use',
  }),
  READY: event('BOOT', 'info', ['took_ms'], { meaning: 'updates can be stored and, when ACTIVE, are handled' }),
  SHUTDOWN_STARTED: event('BOOT', 'info', ['reason'], { meaning: 'the way out begins' }),
  BACKGROUND_CLEANED: event('BOOT', 'info', ['count'], { meaning: 'background duties were told to end, and have' }),
  SHUTDOWN_DONE: event('BOOT', 'info', ['took_ms'], { meaning: 'everything was given back' }),

  LOCK_ATTEMPT: event('LOCK', 'info', ['backend', 'key'], { meaning: 'the leadership is asked for' }),
  LOCK_ACQUIRED: event('LOCK', 'info', ['backend', 'key', 'epoch', 'waited_ms'], { meaning: 'this instance leads' }),
  LOCK_WAITING: event('LOCK', 'info', ['backend', 'holder', 'since'], { meaning: 'another instance leads' }),
  LOCK_LOST: event('LOCK', 'error', ['backend', 'reason'], {
    meaning: 'the leadership was lost; this instance stands by',
    action: 'look at the database; another instance leads meanwhile',
  }),
  LOCK_HOLDER_ENDED: event('LOCK', 'warn', ['holder', 'silent_ms'], {
    meaning: 'a holder that had been silent past its lease was ended',
    action: 'find out why that process froze',
  }),
  LOCK_RELEASED: event('LOCK', 'info', ['backend', 'epoch'], { meaning: 'the leadership was given back' }),
  LOCK_RELEASE_SKIPPED: event('LOCK', 'info', ['reason'], { meaning: 'on shutdown there was nothing to release' }),
  LOCK_RELEASE_FAILED: event('LOCK', 'warn', ['reason', 'error'], {
    meaning: 'the release failed; the lease ends by itself',
    action: 'nothing',
  }),

  INSTANCE_DECLARED_DEAD: event('LOCK', 'warn', ['instance', 'silent_ms'], {
    meaning: 'an instance missed its heartbeats; what it had in hand is free for the others',
    action: 'find out why that process froze or ended; if it lives, it goes on by itself',
  }),
  INSTANCE_REVIVED: event('LOCK', 'warn', ['instance', 'incarnation'], {
    meaning:
      'this instance was frozen or cut off from the database for so long that others may work in its place; it begins its work anew',
    action: 'find out why this process froze, or why it did not reach the database',
  }),

  DUTIES_STARTED: event('LOCK_CONTROLLER', 'info', ['epoch'], {
    meaning: 'what only the leader does has begun, and the webhook is verified',
    also: () => 'Active services initialized (webhook set)',
  }),
  DUTY_FAILED: event('LOCK_CONTROLLER', 'warn', ['duty', 'error', 'retry_in_s'], {
    meaning: 'a background duty failed and is tried again',
    action: 'nothing, unless it repeats',
  }),
  DUTIES_ABANDONED: event('LOCK_CONTROLLER', 'warn', ['duties', 'waited_s'], {
    meaning: 'these duties did not end in time; what they had in hand is given back',
    action: 'look for what they waited for; the fence keeps them from writing anything late',
  }),
  NOBODY_ACTIVE: event('LOCK_CONTROLLER', 'error', ['for_s'], {
    more: ['holder'],
    meaning: 'no instance has led for a minute; updates are stored and wait',
    action: 'trt lock show; a frozen holder is freed by trt lock free',
  }),
  PASSIVE_ENTER: event('LOCK_CONTROLLER', 'info', ['reason'], {
    more: ['holder'],
    meaning: 'this instance stores and stands by',
    also: () => 'PASSIVE MODE (background watcher started)',
  }),
  ACTIVE_ENTER: event('LOCK_CONTROLLER', 'info', ['epoch', 'how'], {
    meaning: 'this instance works',
    also: (fields) =>
      fields['how'] === 'immediate' ? 'ACTIVE MODE (lock acquired immediately)' : 'PASSIVE → ACTIVE (lock acquired)',
    groupOf: (fields) => (fields['how'] === 'immediate' ? 'LOCK_CONTROLLER' : 'STATE_SYNC'),
  }),

  WEBHOOK_SETTING: event('WEBHOOK', 'info', ['url'], { meaning: 'the webhook is being registered' }),
  WEBHOOK_SET: event('WEBHOOK', 'info', ['url'], {
    meaning: 'Telegram took the webhook',
    also: (fields) => `Webhook registered successfully: ${String(fields['url'])}`,
  }),
  WEBHOOK_SET_RETRY: event('WEBHOOK', 'warn', ['attempt', 'delay_s', 'error'], {
    meaning: 'the registration failed and is tried again',
    action: 'nothing, unless it goes on',
  }),
  WEBHOOK_SET_FAILED: event('WEBHOOK', 'error', ['attempts', 'error'], {
    meaning: 'the registration failed several times; it goes on being tried',
    action: 'trt doctor; trt webhook set',
  }),
  WEBHOOK_DRIFT: event('WEBHOOK', 'warn', ['what'], {
    meaning: 'somebody changed the webhook; it is corrected',
    action: 'find the other program that has this bot token',
  }),
  WEBHOOK_LAST_ERROR: event('WEBHOOK', 'warn', ['error', 'at'], {
    more: ['todo'],
    meaning:
      'Telegram could not deliver, and nothing was accepted since; for 401, 403 and 404 the webhook is set again',
    action: 'trt doctor says what it means',
  }),
  WEBHOOK_CONTESTED: event('WEBHOOK', 'error', ['corrections', 'within_s'], {
    meaning: 'the webhook had to be corrected again and again, so somebody else corrects it too; it is left as it is',
    action: 'end the other program that has this bot token, then trt webhook set',
  }),
  WEBHOOK_KEYS_UNWRITTEN: event('WEBHOOK', 'warn', ['error'], {
    meaning: 'it could not be written down which path and token Telegram has; they are written at the next look',
    action: 'look at the database',
  }),
  POLLING_STARTED: event('WEBHOOK', 'info', ['epoch'], {
    meaning: 'updates are asked for (BOT_MODE=polling); the webhook is removed, what waited is kept',
  }),
  POLLING_REFUSED: event('WEBHOOK', 'warn', ['error', 'retry_in_s'], {
    meaning: 'Telegram gave no updates; it is asked again',
    action: 'nothing, unless it goes on',
  }),
  POLLING_CONFLICT: event('WEBHOOK', 'error', ['error', 'retry_in_s'], {
    more: ['todo'],
    meaning: 'another program polls with this bot token, or a webhook is set; it is asked again',
    action: 'end the other program, or trt webhook delete; one token serves one program',
  }),
  BOT_VERIFIED: event('BOT_VERIFY', 'info', ['username', 'id'], {
    meaning: 'Telegram knows the token',
    also: (fields) => `Bot identity: @${String(fields['username'])} (id=${String(fields['id'])})`,
  }),
  WEBHOOK_VERIFIED: event('BOT_VERIFY', 'info', ['url', 'pending'], {
    more: ['last_error'],
    meaning: 'the webhook was read back and is right',
    also: (fields) => `Webhook: ${String(fields['url'])} (pending=${String(fields['pending'])})`,
  }),
  WEBHOOK_MISSING: event('BOT_VERIFY', 'warn', [], {
    meaning: 'Telegram has no webhook for this bot',
    also: () => 'No webhook configured',
    action: 'nothing; the leader sets it',
  }),

  DB_POOL_WAIT: event('DB', 'warn', ['waited_ms', 'in_use', 'waiting'], {
    meaning: 'a connection was waited for longer than a second',
    action: 'raise DB_MAX_CONN, or look for what holds the connections',
  }),
  DB_CONNECTION_HELD: event('DB', 'warn', ['owner', 'held_s'], {
    meaning: 'a connection was taken and not given back; it is closed and its place is free again',
    action: 'report it: the owner named here forgets its connection',
  }),
  DB_POOL_EXHAUSTED: event('DB', 'error', ['in_use', 'waiting'], {
    more: ['owners'],
    meaning: 'every connection for steps and errands is in use and others wait; updates are stored all the same',
    action: 'raise DB_MAX_CONN, or look at what `owners` do',
  }),
  DB_CONNECTION_LOST: event('DB', 'warn', ['owner', 'error'], {
    meaning: 'a database connection ended; it is opened again',
    action: 'nothing, unless it goes on',
  }),
} as const

export type EventName = keyof typeof events
export type EventGroup =
  | 'TELEMETRY'
  | 'EXCEPTION'
  | 'ORDER'
  | 'MONEY'
  | 'ERRAND'
  | 'BOOT'
  | 'LOCK'
  | 'LOCK_CONTROLLER'
  | 'STATE_SYNC'
  | 'WEBHOOK'
  | 'BOT_VERIFY'
  | 'DB'
export type Level = 'debug' | 'info' | 'warn' | 'error'
export type FieldValue = string | number | boolean | undefined
export type Fields = Readonly<Record<string, FieldValue>>
export type EventDefinition = {
  readonly group: EventGroup
  readonly level: Level
  readonly fields: readonly string[]
  readonly more: readonly string[]
  readonly meaning: string
  readonly action?: string
  readonly also?: (fields: Fields) => string
  readonly groupOf?: (fields: Fields) => EventGroup
}

/** The fields of one event, by name: those it always has, those it may have, and nothing else. */
export type FieldsOf<E extends EventName> = { readonly [K in (typeof events)[E]['fields'][number]]: FieldValue } & {
  readonly [K in (typeof events)[E]['more'][number]]?: FieldValue
}

function event<const F extends readonly string[], const M extends readonly string[] = readonly []>(
  group: EventGroup,
  level: Level,
  fields: F,
  rest: Omit<EventDefinition, 'group' | 'level' | 'fields' | 'more'> & { readonly more?: M },
): Omit<EventDefinition, 'fields' | 'more'> & { readonly fields: F; readonly more: M } {
  const { more, ...described } = rest
  // An event that names no further fields has none: `M` is then the empty list.
  return { group, level, fields, ...described, more: more ?? ([] as readonly string[] as M) }
}
