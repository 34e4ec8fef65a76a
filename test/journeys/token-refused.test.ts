import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { ofOrder, ordersIn } from './orders.ts'
import { opens, picture, topsUp } from './steps.ts'

/**
 * Telegram refuses the bot's token for a while, whatever is on its way: a photo that is fetched, an order before its
 * task, a task that runs, a result, a receipt, a screen, an invoice. Nothing ends by it, and one alert tells it.
 */
describe('a token that is refused for a while', { concurrency: 2 }, () => {
  for (const [status, description] of [
    [401, 'Unauthorized'],
    [404, 'Not Found'],
  ] as const) {
    it(`with ${status} ends nothing: every order goes on and ends right, and nobody's words are lost`, async () => {
      const world = await startWorld({
        // The first person of a sandbox is an operator.
        env: { ADMIN_ID: '7000000001', FREE_DAILY: '0' },
        expects: ['UI_NOT_SHOWN', 'RESULT_NOT_DELIVERED', 'TELEGRAM_AWAY', 'PREFLIGHT_FINDING', 'OPERATOR_NOT_TOLD'],
      })
      try {
        const { controls, log } = world
        const { places, newestOf, isPaidOnce, countOf } = ordersIn(world)
        const operator = await world.person('Ольга')
        await operator.says('/start')
        await operator.sees(/Привет/)

        // A photo is to be sent, one is to be handed over, an invoice is to be asked for, tasks run.
        const [vera, lev, boris] = [await world.person('Вера'), await world.person('Лев'), await world.person('Борис')]
        for (const person of [vera, lev]) {
          await topsUp(person)
          await opens(person, 'Qwen 2 Edit')
        }
        await lev.sends({ photo: picture(8, 'image/jpeg') })
        await lev.sees(/✍️ Опишите/)
        await lev.says('сделай весну')
        const confirm = await lev.sees(/Фото: 1 картинка/)
        await boris.says('/balance')
        await boris.taps(/Пополнить/)
        const amounts = await boris.sees(/\[50 ₽/)
        await controls.kie({ latency_ms: 600_000 })
        const daria = await world.person('Дарья')
        await topsUp(daria)
        await opens(daria, 'Z-Image')
        const running = await places('маяк')
        await until(async () => (await controls.tasks()).length === 1, 'its task runs')

        const refused = { on: 'telegram', status, description, times: 10_000 } as const
        // A receipt of an order whose picture came, then everything.
        await controls.fault({ ...refused, method: 'sendMessage', times: 1 })
        await controls.endTask((await controls.tasks()).at(-1)?.id ?? '', { state: 'success' })
        const told = await log.until('TELEGRAM_AWAY')
        assert.equal(told['why'], 'token_refused')
        await controls.fault(refused)
        await lev.tapsAndGoes('Запустить', confirm)
        const handedOver = await newestOf(lev)
        await vera.sends({ photo: picture(7, 'image/jpeg') })
        await boris.tapsAndGoes('50 ₽', amounts)
        await daria.says('лиса в лесу')
        const probes = async () => (await controls.calls('getMe')).filter((call) => call.status === status).length
        await until(async () => (await probes()) >= 2, 'the token is tried again')
        assert.equal(log.count('TELEGRAM_AWAY'), 1)
        assert.equal(log.count('KIE_TASK_CREATED', ofOrder(handedOver)), 0)

        await controls.kie({ latency_ms: 50 })
        await controls.clearFaults()
        await log.until('TELEGRAM_BACK')
        await operator.sees(/TELEGRAM_AWAY/)
        await isPaidOnce(running)
        await lev.getsPhoto()
        await log.until('ORDER_COMPLETED', ofOrder(handedOver))
        await vera.sees(/✍️ Опишите/)
        await boris.pays()
        await boris.sees(/Зачислено 50 ₽/)
        await daria.sees(/лиса в лесу[\s\S]*\[Запустить/)
        assert.equal(countOf(lev), 1)
        assert.equal(log.count('HOLD_RELEASED'), 0)
        assert.equal(log.count('LOSS_RECORDED'), 0)
        assert.equal(log.count('TELEGRAM_AWAY'), 1, 'one alert')
      } finally {
        await world.end()
      }
    })
  }
})
