import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startWorld } from '../fixtures/service.ts'

const world = await startWorld()
after(() => world.end())
await world.controls.kie({ latency_ms: 50 })

test('a person gets a free picture in a few taps', async () => {
  const anna = await world.person('Анна')
  await anna.says('/start')
  await anna.sees(/Привет, Анна/)
  await anna.taps('Картинки и дизайн')
  await anna.taps('Z-Image')
  await anna.sees(/Что понадобится/)
  await anna.says('кот в скафандре')
  await anna.sees(/Цена: бесплатно/)
  await anna.taps('Запустить')
  const { message } = await anna.getsPhoto()
  assert.match(message.caption ?? '', /кот в скафандре\n\nБесплатно, осталось 4/)
})
