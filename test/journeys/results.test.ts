import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startWorld } from '../fixtures/service.ts'
import { describes, topsUp } from './steps.ts'

/** A result that cannot be had: the address KIE gave is dead, gives a page, or gives more than Telegram takes. */
describe('the address of a result', { concurrency: true }, () => {
  const endings = [
    ['forbidden', 'says 403'],
    ['html', 'gives a page'],
    ['huge', 'gives 60 MB'],
  ] as const
  for (const [result_url, what] of endings) {
    it(`${what}: the person is told with the code, and gets the money back`, async () => {
      const world = await startWorld({ expects: ['RESULT_NOT_DELIVERED'] })
      try {
        await world.controls.kie({ latency_ms: 50, result_url })
        const anna = await world.person('Анна')
        await topsUp(anna)
        await describes(anna, 'Seedream 5.0 Flash', 'маяк')
        await anna.taps('Запустить')
        await world.log.until('RESULT_NOT_DELIVERED')
        // It is asked for again for a while; the shift lets that while be over.
        world.shiftClock(15_000)
        const { text = '' } = await anna.sees(
          /Не получилось · Seedream 5.0 Flash[\s\S]*прислать её не удалось: файл не открывается/,
        )
        const { cid } = await world.log.until('ORDER_RELEASED')
        assert.match(text, /Ничего не списано: 2,55 ₽ снова на балансе\./)
        assert.ok(text.includes(`Код: ${String(cid)}`))
        world.shiftClock(0)
        await anna.says('/balance')
        await anna.sees(/💳 50 ₽/)
        assert.equal(anna.chat().filter(({ photo, document }) => photo ?? document).length, 0)
      } finally {
        await world.end()
      }
    })
  }
})
