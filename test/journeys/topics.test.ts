import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { type Message, type Person, until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, topsUp } from './steps.ts'

/** A private chat with topics: an answer stands where the person wrote, whatever they do meanwhile somewhere else. */
const world = await startWorld()
after(() => world.end())
const { controls } = world
let anna: Person
let cats: number
let dogs: number

before(async () => {
  await controls.kie({ latency_ms: 50 })
  anna = await world.person('Анна')
  await topsUp(anna)
  cats = await anna.beginsTopic('Кошки')
  dogs = await anna.beginsTopic('Собаки')
})

const isIn = (topic: number | undefined) => (message: Message) => assert.equal(message.topic, topic, message.text)

/** Places an order from the confirm screen in front of the person. */
const run = () => anna.taps(/^Запустить/)

/** Everything the bot wrote after this message. */
const botSince = (message: Message) =>
  anna.chat().filter(({ from, message_id }) => from === 'bot' && message_id > message.message_id)

test('screens, progress, picture and receipt stand in the topic in which somebody writes', async () => {
  for (const topic of [cats, dogs, undefined]) {
    anna.goesTo(topic)
    const confirm = await describes(anna, 'Z-Image', 'кошка')
    isIn(topic)(confirm)
    await run()
    const { message } = await anna.getsPhoto()
    isIn(topic)(message)
    isIn(topic)(await anna.getsReceipt())
    const actions = z
      .object({ calls: z.array(z.object({ params: z.looseObject({ message_thread_id: z.unknown().optional() }) })) })
      .parse(await controls.ask('GET', '/calls?method=sendChatAction'))
    assert.equal(actions.calls.at(-1)?.params.message_thread_id, topic)
  }
})

test('an order that ends after its person went to another topic ends in its own', async () => {
  anna.goesTo(cats)
  await controls.kie({ latency_ms: 1_500 })
  const confirm = await describes(anna, 'Z-Image', 'спящая кошка')
  await run()
  anna.goesTo(dogs)
  await anna.says('/help')
  await anna.sees(({ topic }) => topic === dogs)
  await controls.kie({ latency_ms: 50 })
  const { message } = await anna.getsPhoto()
  isIn(cats)(message)
  const receipt = await anna.getsReceipt()
  isIn(cats)(receipt)
  // A button of another topic draws over its own message, and the conversation goes on there.
  await anna.taps('📄', receipt)
  isIn(cats)((await anna.getsDocument()).message)
  assert.ok(botSince(confirm).every(({ topic }) => topic === cats || topic === dogs))
})

test('a button leads on in its own topic', async () => {
  anna.goesTo(cats)
  await anna.says('/start')
  const menu = await anna.sees(/Картинки и дизайн/)
  anna.goesTo(dogs)
  await anna.says('/balance')
  await anna.sees(/Пополнить/)
  await anna.taps('Картинки и дизайн', menu)
  const shelf = await anna.sees(/›/)
  assert.equal(shelf.message_id, menu.message_id)
  await anna.taps('›', shelf)
  isIn(cats)(await anna.sees(/\[🏠/))
})

test('an invoice and the thanks for it stand where it was asked for', async () => {
  anna.goesTo(cats)
  await anna.says('/balance')
  await anna.taps('Пополнить')
  await anna.taps(/^50 ₽/)
  const invoice = await anna.sees((message) => message.invoice !== undefined)
  isIn(cats)(invoice)
  anna.goesTo(dogs)
  await anna.says('/start')
  isIn(dogs)(await anna.sees(/Картинки и дизайн/))
  await anna.pays('pay', invoice)
  isIn(cats)(await anna.sees(/Зачислено 50 ₽/))
})

test('what belongs into a topic that was deleted goes to the chat', async () => {
  const gone = await anna.beginsTopic('Ненадолго')
  await controls.kie({ latency_ms: 1_000 })
  await describes(anna, 'Z-Image', 'последняя кошка')
  await run()
  await until(async () => (await controls.tasks()).at(-1)?.input['prompt'] === 'последняя кошка')
  anna.goesTo(undefined)
  await anna.deletesTopic(gone)
  const { message } = await anna.getsPhoto()
  isIn(undefined)(message)
  isIn(undefined)(await anna.getsReceipt())
})
