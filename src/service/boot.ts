import { compileCatalog } from '../catalog/compile-catalog.ts'
import type { Catalog } from '../catalog/offer.ts'
import { screenCount } from '../conversation/routes.ts'
import type { ChatGateway } from '../delivery/chat-gateway.ts'
import { createTellNow, createTellOperator, type TellOperator } from '../delivery/tell-operators.ts'
import { after } from '../kit/clock.ts'
import { newSecret, type PersonId, personId } from '../kit/ids.ts'
import { refusedAgainMs, textOf } from '../operators/operator-watch.ts'
import type { BootPorts } from '../ports.ts'
import {
  type DatabaseFacts,
  type Finding,
  judgeDatabase,
  judgeDatabaseFault,
  judgeSchema,
  judgeTopUps,
  judgeWorld,
  sentenceOf,
  warning,
} from '../preflight/preflight.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { createWebhookKeys, type WebhookKeys } from '../webhook/webhook-keys.ts'
import type { ServiceDeps } from './deps.ts'

/** What must be right before anything is done: the catalog, the database and its schema, the world, the secrets. */
export type Booted = {
  readonly catalog: Catalog
  readonly operators: readonly PersonId[]
  readonly tellOperator: TellOperator
  /** Sends them a message without an errand. Never rejects. */
  readonly tellNow: (text: string) => Promise<void>
  readonly secretPath: string
  readonly secretToken: string
  readonly callbackKey: string
  readonly keys: WebhookKeys
}

/** A start that must not go on: what is wrong, and what to do. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused'
}

export async function boot(deps: ServiceDeps, ports: BootPorts, chat: ChatGateway): Promise<Booted> {
  const { config, world, clock, telemetry } = deps
  const catalog = readCatalog(deps)
  throwIfFailed([judgeTopUps(config.shop.starsPerRub)], telemetry)
  await checkDatabase(ports, deps)
  const operators = config.operators.map(personId)
  const tellOperator = createTellOperator({ chat, telemetry })
  const tellNow = createTellNow({ tellOperator, operators, telemetry })
  await migrate(ports, deps, tellNow)
  throwIfFailed([judgeWorld(await ports.worldOfSchema(world), world)], telemetry)
  await ports.noteShopSettings(config.shop)
  const secretPath = config.webhook.secretPath ?? (await ports.keptSecret('webhook_path', newSecret))
  const secretToken = config.webhook.secretToken ?? (await ports.keptSecret('webhook_token', newSecret))
  const callbackKey = config.kieCallback.token ?? (await ports.keptSecret('kie_callback', newSecret))
  const keys = createWebhookKeys({
    own: { path: secretPath, token: secretToken },
    known: ports.knownWebhookKeys,
    noteUse: ports.useWebhookKey,
    clock,
    telemetry,
  })
  if (config.world.mode === 'webhook') await checkKeys(keys, telemetry)
  telemetry.emit('PREFLIGHT_OK')
  return { catalog, operators, tellOperator, tellNow, secretPath, secretToken, callbackKey, keys }
}

function readCatalog({ catalogSources, clock, telemetry }: ServiceDeps): Catalog {
  const started = clock.monotonicMs()
  const compiled = compileCatalog(catalogSources)
  if (!compiled.ok) {
    const lines = compiled.problems.map(({ file, line, field, message }) => `${file}:${line} ${field}: ${message}`)
    throw new StartRefused(`The catalog is wrong:\n${lines.join('\n')}`)
  }
  const tookMs = Math.round(clock.monotonicMs() - started)
  telemetry.emit('CATALOG_READY', { offers: compiled.catalog.offers.length, took_ms: tookMs })
  telemetry.emit('MENU_READY', { screens: screenCount, took_ms: 0 })
  return compiled.catalog
}

/** Before anything is written: whether this database can be worked with at all. */
async function checkDatabase(ports: BootPorts, { config, signal, telemetry }: ServiceDeps): Promise<void> {
  let facts: DatabaseFacts
  try {
    facts = await ports.inspectDatabase(signal)
  } catch (error) {
    return throwIfFailed([judgeDatabaseFault(error)], telemetry)
  }
  throwIfFailed(judgeDatabase(facts, config.dbMaxConn), telemetry)
}

async function migrate(
  ports: BootPorts,
  { config, signal, clock, telemetry }: ServiceDeps,
  tellNow: Booted['tellNow'],
): Promise<void> {
  const migrated = await ports.migrate(signal)
  if (migrated.kind === 'ready') {
    if (migrated.from !== migrated.to) telemetry.emit('MIGRATED', { from: migrated.from, to: migrated.to })
    return
  }
  const { schema, oldest, program } = migrated
  telemetry.emit('MIGRATIONS_REFUSED', { schema, program, oldest })
  const says = sentenceOf(judgeSchema({ applied: schema, oldestProgram: oldest }, '', program))
  const alert = { key: 'migrations_refused', says, size: 1, since: clock.now(), toldAt: clock.now() } as const
  // A supervisor repeats the start again and again; the operators get one message an hour.
  const isMine = await ports.claimAlert(alert, after(clock.now(), -refusedAgainMs)).catch(() => false)
  if (isMine) await tellNow(textOf(config.instanceOf, { ...alert, run: 'trt doctor' }))
  throw new StartRefused(says)
}

/** Instances with different secrets serve, each for the other; but one of them is probably set up wrong. */
async function checkKeys(keys: WebhookKeys, telemetry: Telemetry): Promise<void> {
  if ((await keys.refresh()) === 'ours_or_none') return
  const says = 'Telegram was last given another path or secret token than this instance has'
  const todo = 'nothing after a change, the former ones are taken for 24 hours; else give all instances the same'
  tellFindings([warning('webhook.secrets', says, todo)], telemetry)
}

/** Stops the start when anything has failed, with every reason at once; logs what is doubtful. */
function throwIfFailed(findings: readonly Finding[], telemetry: Telemetry): void {
  const failed = findings.filter(({ state }) => state === 'failed')
  if (failed.length > 0) throw new StartRefused(failed.map(sentenceOf).join('\n'))
  tellFindings(findings, telemetry)
}

export function tellFindings(findings: readonly Finding[], telemetry: Telemetry): void {
  for (const { check, state, says, todo } of findings) {
    if (state !== 'ok') telemetry.emit('PREFLIGHT_FINDING', { check, problem: says, todo })
  }
}
