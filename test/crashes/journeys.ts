import assert from 'node:assert/strict'
import { createCanvas } from '@napi-rs/canvas'
import { type Message, type Person, until } from '../fixtures/person.ts'
import type { Shop } from './shop.ts'

/**
 * What people do while the service dies under them. They repeat nothing: what was lost on the way, Telegram brings
 * again. Each tells in the end what they asked and paid for, which is what the books must say.
 */
export type Journey = {
  readonly name: string
  readonly walk: (person: Person, shop: Shop) => Promise<Asked>
}
export type Asked = {
  /** The prompts of the pictures that were ordered, one press of «Запустить» each. */
  readonly prompts: readonly string[]
  /** Pictures that were asked for once more. */
  readonly again: number
  /** So many pictures were ordered at once, of which KIE made half. */
  readonly halfOf?: number
  /** Kopecks that were paid in. */
  readonly paidIn: number
}

const nothing: Asked = { prompts: [], again: 0, paidIn: 0 }

export const menu: Journey = {
  name: 'opens the menu',
  async walk(person) {
    await person.says('/start')
    await person.sees(/Привет/)
    return nothing
  },
}

export const freePicture: Journey = {
  name: 'gets a free picture',
  async walk(person) {
    const prompt = await confirmFree(person)
    await person.taps('Запустить')
    await result(person)
    return { ...nothing, prompts: [prompt] }
  },
}

const failedPicture: Journey = {
  name: 'orders what KIE cannot make',
  async walk(person, { controls }) {
    const prompt = await confirmFree(person)
    await controls.kie({ outcome: 'fail' })
    await person.taps('Запустить')
    await person.sees(/Не получилось/)
    await controls.kie({ outcome: null })
    return { ...nothing, prompts: [prompt] }
  },
}

export const topUp: Journey = {
  name: 'tops up, and tries to pay the same invoice twice',
  async walk(person) {
    const invoice = await payIn(person)
    const twice = await pays(person, invoice)
    if (twice !== 'refused') throw new Error(`the second payment was ${twice}`)
    return { ...nothing, paidIn: 50_00 }
  },
}

const photoPicture: Journey = {
  name: 'buys a picture made of a photo, and has it sent again',
  async walk(person) {
    await payIn(person)
    await person.taps({ data: 'cat:image' })
    await person.taps('Из фото')
    await person.taps('Seedream 5.0 Flash Edit')
    await person.sees(/Пришлите фото/)
    await person.sends({ photo: photo() })
    await person.sees(/Уже есть: 1/)
    await person.taps('Хватит')
    await person.sees(/Опишите/)
    const prompt = promptOf(person)
    await person.says(prompt)
    await person.sees(/Цена: 2,55/)
    await person.taps('Запустить')
    const bought = { prompts: [prompt], paidIn: 50_00 }
    const got = await result(person)
    if (got.photo === undefined) return { ...bought, again: 0 }
    await person.taps('Оригинал', await person.getsReceipt())
    await person.sees(({ document }) => document !== undefined)
    await person.taps({ data: 'menu:history' })
    await person.taps(/Seedream/)
    await person.taps('Прислать снова')
    await result(person)
    return { ...bought, again: 1 }
  },
}

/** Of four pictures two are made: half of the price is paid, and half goes back. */
export const halfOfFour: Journey = {
  name: 'orders four pictures of which two are made',
  async walk(person, { controls }) {
    await payIn(person)
    await person.taps({ data: '1:offer:wan-2-7' })
    await person.sees(/Что понадобится/)
    const prompt = promptOf(person)
    await person.says(prompt)
    await person.taps('Изменить')
    await person.taps(/Сколько|Количество|Вариант/)
    await person.says('4')
    await person.taps('Готово')
    await person.sees(/Цена: 15,09/)
    await controls.kie({ results_max: 2 })
    await person.taps('Запустить')
    const got = await person.sees(({ text = '' }) => /вернул 7,55|Не получилось/.test(text))
    await controls.kie({ results_max: null })
    assert.match(got.text ?? '', /Пришло 2 из 4/)
    return { prompts: [prompt], again: 0, halfOf: 4, paidIn: 50_00 }
  },
}

/** Telegram refuses the token with the picture in hand, so a probe asks whether it takes it again. */
export const tokenRefused: Journey = {
  name: 'gets a picture although Telegram refuses the token for a moment',
  async walk(person, shop) {
    await shop.controls.fault({ on: 'telegram', method: 'sendPhoto', status: 401 })
    return await freePicture.walk(person, shop)
  },
}

/** The host of results answers no call five times in a row, so a probe asks whether it is back. */
export const resultsAway: Journey = {
  name: 'orders while the host of results is away for a moment',
  async walk(person, shop) {
    await shop.controls.fault({ on: 'kie', method: '/kie/files/', status: 503, times: 5 })
    return await halfOfFour.walk(person, shop)
  },
}

/** From the shortest to the longest. */
export const journeys: readonly Journey[] = [freePicture, failedPicture, topUp, photoPicture]
/** Those on which updates of every kind arrive. */
export const arrivals: readonly Journey[] = [freePicture, topUp]

const promptOf = ({ id }: Person): string => `кот № ${id} в скафандре`

async function confirmFree(person: Person): Promise<string> {
  await person.says('/start')
  await person.sees(/Привет/)
  await person.taps('Картинки и дизайн')
  await person.taps('Z-Image')
  await person.sees(/Что понадобится/)
  const prompt = promptOf(person)
  await person.says(prompt)
  await person.sees(/Цена: бесплатно/)
  return prompt
}

async function payIn(person: Person): Promise<Message> {
  await person.says('/start')
  await person.taps('Баланс')
  await person.taps('Пополнить')
  await person.taps(/^50.*⭐/)
  const invoice = await person.sees((message) => message.invoice !== undefined)
  const paid = await pays(person, invoice)
  if (paid !== 'paid') throw new Error(`the payment was ${paid}`)
  await person.sees(/Зачислено 50/)
  return invoice
}

/** Telegram gives a bot ten seconds; a person whose payment was not answered in time presses again. */
async function pays(person: Person, invoice: Message): Promise<string> {
  let outcome = 'timeout'
  const isOver = async () => {
    outcome = (await person.pays('pay', invoice)).outcome
    return outcome !== 'timeout'
  }
  await until(isOver, 'the payment was answered in time')
  return outcome
}

/** A picture, or the news that there will be none. */
const result = (person: Person): Promise<Message> =>
  person.sees((message) => message.photo !== undefined || /Не получилось/.test(message.text ?? ''))

function photo(): Uint8Array {
  const canvas = createCanvas(512, 512)
  const context = canvas.getContext('2d')
  context.fillStyle = 'teal'
  context.fillRect(100, 100, 300, 300)
  return canvas.toBuffer('image/png')
}
