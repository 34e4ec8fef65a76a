import { acceptEmptyJson } from '../control/request.ts'
import type { Provider, World } from '../world.ts'
import { createBotApi } from './bot-side/api.ts'
import { createFloodGate } from './bot-side/flood.ts'
import { Journal } from './bot-side/journal.ts'
import { inspectionRoutes } from './inspection.ts'
import { paymentRoutes } from './person-side/payment-routes.ts'
import { peopleRoutes } from './person-side/people-routes.ts'
import { talkRoutes } from './person-side/talk-routes.ts'
import { tapRoutes } from './person-side/tap-routes.ts'
import { topicRoutes } from './person-side/topic-routes.ts'
import { openTelegram } from './state.ts'

/**
 * The emulated Telegram: the Bot API for bots (bot-side), their updates (delivery), and the people they talk to
 * (person-side). What is faithful and what is not stands in the sandbox's README.
 */
export function createTelegramEmulator(world: World, { floodLimits }: { floodLimits: boolean }): Provider {
  const telegram = openTelegram(world)
  const journal = new Journal(world)
  const flood = createFloodGate(world, { enabled: floodLimits })
  const api = createBotApi(telegram, journal, flood)
  telegram.updates.carriedBy((update) => telegram.polls.wake(update.bot))

  return {
    routes(app) {
      acceptEmptyJson(app)
      // A webhook that hears of an update at once answers with calls: the door must be open by then.
      app.addHook('onListen', async () => telegram.webhooks.start(api.executeAnswer))
      api.routes(app)
      peopleRoutes(app, telegram)
      talkRoutes(app, telegram, flood.heard)
      tapRoutes(app, telegram, flood.heard)
      topicRoutes(app, telegram)
      paymentRoutes(app, telegram)
      inspectionRoutes(app, telegram, journal)
    },
    reset() {
      telegram.people.clear()
      telegram.messages.clear()
      telegram.files.clear()
      telegram.payments.clear()
      telegram.taps.clear()
      telegram.checkouts.close()
      telegram.updates.clear()
      telegram.bots.keepAll()
      telegram.webhooks.restartAll()
      journal.clear()
      flood.reset()
    },
    async close() {
      api.close()
      telegram.webhooks.close()
      telegram.polls.close()
      telegram.checkouts.close()
    },
  }
}
