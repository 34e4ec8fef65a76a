import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { patience } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'

/** Somebody taps again and again, and Telegram wants its answer at once, whatever the service is busy with. */
let stepsMayBegin = Promise.resolve()
let sendsMayBegin = Promise.resolve()
/** Of each chat: how often Telegram was asked to draw, and how often at the same time. */
const screens = new Map<number, { count: number; atOnce: number; atOnceMax: number }>()
function screensOf(chat: number) {
  const known = screens.get(chat) ?? { count: 0, atOnce: 0, atOnceMax: 0 }
  screens.set(chat, known)
  return known
}
async function drawn<T>(chat: number, draw: () => Promise<T>): Promise<T> {
  const mine = screensOf(chat)
  mine.count += 1
  mine.atOnce += 1
  mine.atOnceMax = Math.max(mine.atOnceMax, mine.atOnce)
  try {
    await sendsMayBegin
    return await draw()
  } finally {
    mine.atOnce -= 1
  }
}
const world = await startWorld({
  wrapPorts: (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      transact: async (permit, work) => {
        await stepsMayBegin
        return await ports.store.transact(permit, work)
      },
    },
    chat: {
      ...ports.chat,
      send: (to, view) => drawn(to.chat, () => ports.chat.send(to, view)),
      edit: (chat, message, view) => drawn(chat, () => ports.chat.edit(chat, message, view)),
    },
  }),
})
after(() => world.end())
const { log } = world
const patient = { timeout: patience(30_000) }

const start = (person: number, id: number): string =>
  JSON.stringify({
    update_id: id,
    message: {
      message_id: id,
      date: 1,
      text: '/start',
      entities: [{ type: 'bot_command', offset: 0, length: 6 }],
      chat: { id: person, type: 'private', first_name: 'Анна' },
      from: { id: person, is_bot: false, first_name: 'Анна', language_code: 'ru' },
    },
  })

test(
  'an update is acknowledged when it is stored, while the steps before it and its own still wait',
  patient,
  async () => {
    const anna = await world.person('Анна')
    const door = Promise.withResolvers<void>()
    stepsMayBegin = door.promise
    try {
      await anna.hears(async () => {
        for (const id of [910_001, 910_002, 910_003])
          assert.equal((await world.deliver(start(anna.id, id))).status, 200)
      })
      assert.equal(log.count('DISPATCH_OK'), 0)
    } finally {
      door.resolve()
    }
    await anna.sees(/Привет, Анна/)
    await until(() => log.count('DISPATCH_OK') === 3, 'each of them is handled')
  },
)

test(
  'forty /start in one moment are all handled, and shown one screen at a time: the first and the last',
  patient,
  async () => {
    const boris = await world.person('Борис')
    const handledBefore = log.count('DISPATCH_OK')
    const his = screensOf(boris.id)
    const door = Promise.withResolvers<void>()
    sendsMayBegin = door.promise
    const taps = 40
    try {
      await boris.hears(() =>
        Promise.all(Array.from({ length: taps }, (_, n) => world.deliver(start(boris.id, 920_001 + n)))),
      )
      await until(() => log.count('DISPATCH_OK') === handledBefore + taps, 'every one of them is handled')
    } finally {
      door.resolve()
    }
    await boris.sees(/Картинки и дизайн/)
    await until(() => his.count === 2 && his.atOnce === 0, 'the first and the last are shown')
    // Whatever is still to be shown would be shown before this.
    await boris.says('/help')
    await boris.sees(/Как это работает/)
    assert.equal(his.count, 3)
    assert.equal(his.atOnceMax, 1)
  },
)
