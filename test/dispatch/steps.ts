import { createHandleUpdate } from '../../src/dispatch/handle-update.ts'
import type { Screens } from '../../src/dispatch/screens.ts'
import type { Clock } from '../../src/kit/clock.ts'
import { newDraftId, newOrderId, newQuoteId } from '../../src/kit/ids.ts'
import { shopDaysIn } from '../../src/money/shop-day.ts'
import type { Store } from '../../src/store.ts'
import { parseUpdate } from '../../src/telegram/parse-update.ts'
import { pricing, theCatalog } from '../catalog/the-catalog.ts'
import { createTelling } from '../fixtures/telling.ts'

/** For tests that look at what is saved. */
const notShown: Screens = { showEarly: () => undefined, show: () => {}, answerTap: () => {} }

/** The steps of updates on a store, with the catalog as it is and a shop that gives five pictures a day. */
export const stepsOn = (store: Store, clock: Clock) =>
  createHandleUpdate({
    store,
    parse: parseUpdate,
    catalog: theCatalog(),
    pricing: () => pricing,
    shop: () => ({ freeDaily: 5, starsPerRub: '1.6', botUsername: 'bot', timezone: 'UTC', isSellingPaused: false }),
    dayAt: shopDaysIn('UTC'),
    mint: { quote: newQuoteId, order: newOrderId, draft: newDraftId },
    screens: notShown,
    clock,
    telemetry: createTelling(clock).telemetry,
  })
