import { commandsFor } from '../conversation/texts/commands-for.ts'
import { textsFor } from '../conversation/texts/texts-for.ts'
import { createOrderReferences } from '../generation/order-reference.ts'
import { createFastLane } from '../intake/fast-lane.ts'
import { createKieCallback } from '../intake/kie-callback.ts'
import { createAnswerNow, createTelegramPolling } from '../intake/telegram-polling.ts'
import { createTelegramIntake, type IntakeDeps } from '../intake/telegram-webhook.ts'
import { createCallbackSignature } from '../kie/callback-signature.ts'
import { newCid } from '../kit/ids.ts'
import type { LeaderDuty } from '../lifecycle/duties.ts'
import type { ArrivalPorts, IntakePorts } from '../ports.ts'
import { peekUpdate } from '../telegram/parse-update.ts'
import { createCommandsKeeper } from '../webhook/commands-keeper.ts'
import { wantedUpdates } from '../webhook/webhook.ts'
import { createWebhookKeeper } from '../webhook/webhook-keeper.ts'
import type { Booted } from './boot.ts'
import { roleOf, type ServiceDeps, type Standing } from './deps.ts'

/** What takes in an update, a payment to be allowed, and a callback of KIE. */
export function createIntake(
  { config, world, clock, telemetry }: ServiceDeps,
  ports: IntakePorts,
  { callbackKey }: Booted,
  standing: Standing,
  { take }: Pick<IntakeDeps, 'take'>,
) {
  const intake: IntakeDeps = {
    take,
    fastLane: createFastLane({
      readTopUp: ports.readTopUp,
      async sayWhy(from, why) {
        const person = from === undefined ? undefined : await ports.readPerson(from)
        return textsFor(person?.language ?? 'ru').preCheckout[why]
      },
      clock,
      telemetry,
    }),
    bot: () => world.bot,
    peek: peekUpdate,
    newCid,
    isActive: () => roleOf(standing) === 'active',
    clock,
    telemetry,
  }
  const references = createOrderReferences(callbackKey)
  const { hmacKey } = config.kieCallback
  const handleCallback = createKieCallback({
    addJob: ports.engine.add,
    orderOf: references.read,
    ...(hmacKey === undefined ? {} : { isSigned: createCallbackSignature(hmacKey, clock) }),
    clock,
    telemetry,
  })
  return { intake, references, handleCallback }
}

/** Has Telegram bring updates, or asks for them; and tells it our commands. Duties of the leader. */
export function createArrivals(
  deps: ServiceDeps,
  { telegram, noteMilestone }: ArrivalPorts,
  { secretPath, secretToken, keys, operators }: Booted,
  standing: Standing,
  given: {
    readonly intake: IntakeDeps
    readonly publicUrl: string | undefined
    readonly newestStoredAt: () => number | undefined
  },
): readonly LeaderDuty[] {
  const { config, clock, telemetry } = deps
  const { intake, publicUrl, newestStoredAt } = given
  const commands = createCommandsKeeper({
    telegram,
    commandsFor,
    operators,
    clock,
  })
  if (config.world.mode === 'webhook') {
    standing.webhook = createWebhookKeeper({
      telegram,
      url: `${publicUrl}/webhook/${secretPath}`,
      secretToken,
      noteKeys: keys.use,
      lastAcceptedAt: newestStoredAt,
      note: noteMilestone,
      ...(deps.webhookLookMs === undefined ? {} : { lookEveryMs: deps.webhookLookMs }),
      clock,
      telemetry,
    })
    return [standing.webhook.duty, commands]
  }
  const answerNow = createAnswerNow(telegram.answerPreCheckout)
  standing.polling = createTelegramPolling({
    telegram: {
      deleteWebhook: telegram.deleteWebhook,
      getUpdates: (wait) => telegram.getUpdates({ ...wait, allowedUpdates: wantedUpdates }),
    },
    accept: createTelegramIntake({ ...intake, answerNow }),
    updateIdOf: (body) => peekUpdate(body)?.updateId,
    started: (epoch) => noteMilestone('duties_started', epoch),
    clock,
    telemetry,
  })
  return [{ name: 'polling', run: standing.polling.run }, commands]
}
