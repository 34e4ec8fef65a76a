import assert from 'node:assert/strict'
import { test } from 'node:test'
import { later } from '../../src/kit/outcome.ts'
import { startWorld } from '../fixtures/service.ts'
import { ordersIn } from './orders.ts'
import { describes, opens, picture, topsUp } from './steps.ts'

test('a resolver that lies ends no order: one alert, nothing is sold, and all goes on when it is mended', async () => {
  let isLying = true
  const lie = later('misresolved', 'https://files.example has no public address: it resolves to 198.18.0.5')
  const world = await startWorld({
    env: { ADMIN_ID: '7000000099' },
    expects: [
      'RESULTS_AWAY',
      'RESULT_NOT_DELIVERED',
      'OPERATOR_OUT_OF_REACH',
      'PREFLIGHT_FINDING',
      'WEBHOOK_SET_RETRY',
    ],
    wrapPorts: (ports) => ({
      ...ports,
      artifacts: { fetch: async (url) => (isLying ? lie : await ports.artifacts.fetch(url)) },
    }),
  })
  try {
    const { controls, log } = world
    const { places, countOf } = ordersIn(world)
    await controls.kie({ latency_ms: 50 })
    const anna = await places('первый')
    await log.until('RESULTS_AWAY')
    await log.until('OPERATOR_TOLD', ({ what }) => /no public address.*Nothing is sold/s.test(String(what)))
    const boris = await world.person('Борис')
    const confirm = await describes(boris, 'Z-Image', 'второй')
    assert.match(confirm.text ?? '', /⏸ Запуски ненадолго приостановлены/)
    const answer = await boris.taps('Запустить', confirm)
    assert.match(answer.text ?? '', /Деньги не списаны/)
    assert.equal(countOf(boris), 0)
    assert.equal(log.count('HOLD_RELEASED'), 0)
    isLying = false
    await log.until('RESULTS_BACK')
    await anna.person.getsPhoto()
    await boris.taps('Запустить', confirm)
    await boris.getsPhoto()
  } finally {
    await world.end()
  }
})

test('the host of uploads that is away ends no order: one alert, and all goes on when it is back', async () => {
  let isAway = true
  const world = await startWorld({
    env: { ADMIN_ID: '7000000099' },
    expects: ['UPLOADS_AWAY', 'OPERATOR_OUT_OF_REACH', 'PREFLIGHT_FINDING'],
    wrapPorts: (ports) => {
      const silence = later('unreachable', 'KIE could not be reached: getaddrinfo ENOTFOUND uploads.example')
      const upload: typeof ports.kie.upload = async (file) => (isAway ? silence : await ports.kie.upload(file))
      const reachUploads: typeof ports.kie.reachUploads = async (signal) =>
        isAway ? silence : await ports.kie.reachUploads(signal)
      return { ...ports, kie: { ...ports.kie, upload, reachUploads } }
    },
  })
  try {
    const { controls, log } = world
    await controls.kie({ latency_ms: 50 })
    const people = await Promise.all(
      Array.from({ length: 5 }, async (_, n) => {
        const person = await world.person(`Гость${n}`)
        await topsUp(person)
        await opens(person, 'Qwen 2 Edit')
        await person.sends({ photo: picture(n, 'image/jpeg') })
        await person.sees(/✍️ Опишите/)
        await person.says('сделай весну')
        await person.taps('Запустить')
        return person
      }),
    )
    await log.until('UPLOADS_AWAY')
    await log.until('OPERATOR_TOLD', ({ what }) => /UPLOADS_AWAY[\s\S]*Orders with a photo wait/.test(String(what)))
    isAway = false
    await log.until('UPLOADS_BACK')
    for (const person of people) await person.getsPhoto()
    assert.equal(log.count('UPLOADS_AWAY'), 1)
    assert.equal(log.count('HOLD_RELEASED'), 0)
  } finally {
    await world.end()
  }
})
