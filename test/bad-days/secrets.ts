import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { checkPerson } from '../crashes/books.ts'
import { freePicture } from '../crashes/journeys.ts'
import { endOf, type Life } from '../crashes/life.ts'
import { endWell, isAnswered, lead, standBy, times } from '../crashes/standby.ts'
import { until } from '../fixtures/person.ts'
import { anUpdate, checkAfterwards, type Drill, inShop, post, secrets } from './drill.ts'

/** Secrets that were changed, forgotten, or differ from one instance to the other. Nothing is lost for it. */
const others = {
  WEBHOOK_SECRET_PATH: 'another-path-of-the-drills',
  WEBHOOK_SECRET_TOKEN: 'another-token-of-the-drills',
}

export const drillsOfSecrets = (t: TestContext) => [
  t.test('changed between two starts, what Telegram still has under way is let in, and nothing else', () =>
    inShop(async ({ shop, db }) => {
      const first = shop.begin()
      await first.works()
      const person = await shop.person()
      await isAnswered(person)
      await endWell([first])
      await person.says('/start')
      const second = shop.begin({ env: others })
      await second.tells(/PREFLIGHT_FINDING check=webhook\.secrets/)
      await second.works()
      await person.sees(/Картинки и дизайн/)
      await checkAfterwards(shop, { events: ['PREFLIGHT_FINDING', 'WEBHOOK_REFUSED'] })
      // A delivery of before the change, in both its halves; and halves that do not belong together.
      assert.equal((await post(shop.port, anUpdate(1))).status, 200)
      assert.equal((await post(shop.port, anUpdate(2), others)).status, 200)
      const mixed = { ...secrets, WEBHOOK_SECRET_TOKEN: others.WEBHOOK_SECRET_TOKEN }
      assert.equal((await post(shop.port, anUpdate(3), mixed)).status, 403)
      assert.equal((await post(shop.port, anUpdate(4), { ...secrets, WEBHOOK_SECRET_PATH: 'no-path' })).status, 404)
      const handled = () => db.query('select from inbox where update_id < 10 and finished_at is not null')
      await until(async () => (await handled()).rowCount === 2, 'both were handled, and no other')
      await endWell([second])
    }),
  ),

  t.test('different on two instances, each says so, and takes what is meant for the other', () =>
    inShop(async ({ shop }) => {
      const leader = await lead(shop)
      const other = await standBy(shop, { env: others })
      await other.tells(/PREFLIGHT_FINDING check=webhook\.secrets .*give all instances the same/)
      // Brought to the other one, with the secret of the leader.
      const person = await shop.person()
      await isAnswered(person)
      await person.says('/start')
      leader.signal('SIGKILL')
      await leader.ended
      await other.works()
      await person.sees(/Картинки и дизайн/)
      const again = await standBy(shop, { port: shop.port })
      await again.tells(/PREFLIGHT_FINDING check=webhook\.secrets/)
      assert.equal((await post(shop.port, anUpdate(1), others)).status, 200)
      await shop.db.query('delete from inbox where update_id = 1')
      await isAnswered(person)
      await checkAfterwards(shop, { events: ['PREFLIGHT_FINDING', 'WEBHOOK_REFUSED'] })
      await endWell([other, again])
    }),
  ),

  t.test('taken from the webhook by hand, Telegram is refused, and within a look its secret is set again', () =>
    inShop(async ({ shop }) => {
      const life = shop.begin({ times: { ...times, webhookLookMs: 500 } })
      await life.works()
      const person = await shop.person()
      await isAnswered(person)
      await setByHand(shop)
      await person.says('/start')
      await life.tells(/WEBHOOK_REFUSED status=403/)
      await life.tells(/WEBHOOK_LAST_ERROR .*403/)
      await until(() => told(life, 'WEBHOOK_SET') === 2, 'it is set again')
      await shop.controls.advance(3_000)
      await person.sees(/Картинки и дизайн/)
      await isAnswered(person)
      await checkAfterwards(shop, { events: ['WEBHOOK_REFUSED', 'WEBHOOK_LAST_ERROR', 'OPERATOR_TOLD'] })
      await endWell([life])
    }),
  ),

  t.test('of the callbacks changed while a picture is made, it comes all the same, paid for once', () =>
    inShop(async ({ shop }) => {
      const first = shop.begin({ env: { KIE_CALLBACK_TOKEN: 'callback-key-of-the-drills' } })
      await first.works()
      await shop.controls.kie({ latency_ms: 2_000 })
      const person = await shop.person()
      const walking = freePicture.walk(person, shop)
      walking.catch(() => undefined)
      await first.tells(/KIE_TASK_CREATED/)
      first.signal('SIGTERM')
      assert.deepEqual(await endOf(first), { code: 0, signal: null })
      const second = shop.begin({ env: { KIE_CALLBACK_TOKEN: 'another-callback-key' } })
      await second.works()
      await until(async () => (await shop.controls.tasks())[0]?.state === 'success', 'KIE has made it')
      // The callback that found nobody comes again after a minute, and is nobody's.
      await shop.controls.advance(61_000)
      await second.tells(/KIE_CALLBACK_REFUSED status=404/)
      const asked = await walking
      await checkAfterwards(shop, { events: ['KIE_CALLBACK_REFUSED'] })
      await checkPerson(shop, person, asked)
      await endWell([second])
    }),
  ),
]

const told = ({ lines }: Life, event: string): number => lines.filter((line) => line.includes(`] ${event} `)).length

/** As somebody with curl would: the same address, everything as it was, and no secret. */
async function setByHand({ controls, port }: Drill['shop']): Promise<void> {
  await controls.advance(1_500)
  const api = `${controls.url}/telegram/bot7000001:sandbox-token-that-opens-nothing-at-all`
  const url = `http://127.0.0.1:${port}/webhook/${secrets.WEBHOOK_SECRET_PATH}`
  const answer = await fetch(`${api}/setWebhook?url=${encodeURIComponent(url)}`)
  assert.equal(answer.status, 200, await answer.text())
  await controls.advance(1_500)
}
