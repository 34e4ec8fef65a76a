import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { z } from 'zod'
import { albumSettlesMs } from '../../src/conversation/session.ts'
import { type Person, type Sent, until, wordsOf } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { opens, picture, topsUp } from './steps.ts'

/** Photos that belong together: in the order of their messages, whatever is retried, and together where that is possible. */
const world = await startWorld({ expects: ['UI_NOT_SHOWN'] })
after(() => world.end())
const { controls, log } = world
await controls.kie({ latency_ms: 50 })
afterEach(() => controls.clearFaults())

const photos = [41, 42, 43].map((shade) => picture(shade))

/** Somebody with money, in front of a model that reworks up to four photos. */
async function reworks(name: string): Promise<Person> {
  const person = await world.person(name)
  await topsUp(person)
  await opens(person, 'Seedream 5.0 Flash Edit')
  return person
}

/** The photos of the newest task, as numbers of those above. */
async function orderOfTask(): Promise<readonly number[]> {
  const urls = z.array(z.string()).parse((await controls.tasks()).at(-1)?.input['image_urls'])
  const bytes = await Promise.all(urls.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())))
  return bytes.map((each) => photos.findIndex((photo) => photo.equals(each)))
}

const failures = {
  'fails once with 500': { on: 'telegram', method: 'getFile', status: 500 },
  'is asked to wait': { on: 'telegram', method: 'getFile', retry_after: 1 },
  'fails twice with 502': { on: 'telegram', method: 'getFile', status: 502, times: 2 },
} as const

describe('the photos of an album keep the order of their messages', () => {
  for (const [what, fault] of Object.entries(failures)) {
    it(`when the fetch of the first ${what}`, async () => {
      const anna = await reworks('Анна')
      await controls.fault(fault)
      for (const [n, photo] of photos.entries()) {
        await anna.sends({ photo, group: what, ...(n === 0 ? { caption: 'из трёх одно' } : {}) })
      }
      await anna.sees(/Уже есть: 3 из 4/)
      await anna.taps('Хватит, дальше')
      await anna.taps(/^Запустить/)
      await anna.getsPhoto()
      assert.deepEqual(await orderOfTask(), [0, 1, 2])
    })
  }

  it('when they come without an album, one after the other', async () => {
    const boris = await reworks('Борис')
    await controls.fault({ on: 'telegram', method: 'getFile', status: 500 })
    for (const photo of photos) await boris.sends({ photo })
    await boris.sees(/Уже есть: 3 из 4/)
    await boris.taps('Хватит, дальше')
    await boris.says('соедини')
    await boris.taps(/^Запустить/)
    await boris.getsPhoto()
    assert.deepEqual(await orderOfTask(), [0, 1, 2])
  })
})

describe('a part of an album that comes later than the others', () => {
  const [first = picture(1), second = picture(2), third = picture(3)] = photos

  it('joins them while they are waited for, and the price is asked for all of them', async () => {
    const vera = await reworks('Вера')
    await vera.sends({ photo: first, group: '71', caption: 'вместе' })
    const latest = performance.now()
    await vera.sends({ photo: second, group: '71' })
    await vera.sees(/Уже есть: 2 из 4/)
    assert.ok(performance.now() - latest >= albumSettlesMs - 50)
    await vera.taps('Хватит, дальше')
    await vera.sees(/Фото: 2 картинки[\s\S]*\[Запустить/)
    const texts = (await vera.looks()).map(({ text = '' }) => text)
    assert.ok(!texts.some((text) => /Фото: 1 картинка/.test(text)), 'no price for a part')
  })

  it('joins them on the confirm screen, which asks for the price again', async () => {
    const gleb = await reworks('Глеб')
    await gleb.sends({ photo: first, group: '72', caption: 'вместе' })
    const early = await gleb.sees(/Фото: 1 картинка[\s\S]*\[Запустить/)
    await gleb.sends({ photo: second, group: '72' })
    await gleb.sees(/Уже есть: 2 из 4/)
    const tasksBefore = (await controls.tasks()).length
    await gleb.taps(/^Запустить/, early)
    await gleb.sees(/Фото: 2 картинки[\s\S]*\[Запустить/)
    assert.equal((await controls.tasks()).length, tasksBefore, 'the button for one photo is old')
    await gleb.taps(/^Запустить/)
    await gleb.getsPhoto()
    assert.deepEqual(await orderOfTask(), [0, 1])
  })

  it('is told once that it came too late when the order is placed, and joins nothing', async () => {
    const dina = await reworks('Дина')
    await dina.sends({ photo: first, group: '73', caption: 'вместе' })
    await dina.sees(/Фото: 1 картинка[\s\S]*\[Запустить/)
    await dina.taps(/^Запустить/)
    await dina.getsPhoto()
    await dina.sends({ photo: second, group: '73' })
    await dina.sees(/дошло уже после запуска, в заказ оно не попало/)
    const messages = (await dina.looks()).filter(({ from }) => from === 'bot').length
    const handled = () => log.count('DISPATCH_OK')
    const before = handled()
    await dina.sends({ photo: third, group: '73' })
    await log.until('DISPATCH_OK', () => handled() > before)
    assert.equal((await dina.looks()).filter(({ from }) => from === 'bot').length, messages)
    assert.deepEqual(await orderOfTask(), [0])
    await dina.sends({ photo: second })
    await dina.sees(/Уже есть: 1 из 4|Опишите/)
  })
})

describe('what cannot be taken of an album is said once', () => {
  const heic = Buffer.from(`\0\0\0\x18ftypmif1\0\0\0\0mif1heic${'x'.repeat(500)}`, 'latin1')
  const file = (name: string, group: string, bytes: Uint8Array = heic) => ({ document: { bytes, name }, group })
  /** The bot's answers to an album, when each of its files was handled and one of the answers says this. */
  async function answersTo(person: Person, album: readonly Sent[], says: RegExp): Promise<readonly string[]> {
    const before = (await person.looks()).length
    const newest = Math.max(...person.chat().map(({ message_id }) => message_id))
    const handled = log.count('MESSAGE_RECEIVED') + album.length
    await person.sendsAtOnce(album)
    await until(() => log.count('MESSAGE_RECEIVED') === handled, 'every file is handled')
    await person.sees((message) => message.message_id > newest && says.test(wordsOf(message)))
    return (await person.looks())
      .slice(before)
      .filter(({ from }) => from === 'bot')
      .map(wordsOf)
  }

  it('when none of its ten files is a picture', async () => {
    const egor = await world.person('Егор')
    await egor.says('/start')
    await egor.sees(/Картинки и дизайн/)
    const album = Array.from({ length: 10 }, (_, n) => file(`IMG_${n}.HEIC`, 'ten'))
    assert.equal((await answersTo(egor, album, /Это HEIC/)).length, 1, egor.print())
  })

  it('beside the pictures that are taken, however the others are called', async () => {
    const zoya = await reworks('Зоя')
    const album = [
      file('IMG_1.HEIC', 'mixed'),
      file('IMG_2.png', 'mixed', picture(51)),
      file('IMG_3.jpg', 'mixed'),
      file('IMG_4.png', 'mixed', picture(52)),
      file('IMG_5.HEIC', 'mixed'),
    ]
    assert.equal((await answersTo(zoya, album, /Это HEIC[\s\S]*Уже есть: 2 из 4/)).length, 1, zoya.print())
  })

  it('when no model is chosen yet, and those that are pictures wait for one', async () => {
    const ivan = await world.person('Иван')
    await ivan.says('/start')
    await ivan.sees(/Картинки и дизайн/)
    const album = [
      file('IMG_1.png', 'later', picture(53)),
      ...Array.from({ length: 3 }, (_, n) => file(`IMG_${n}.HEIC`, 'later')),
      file('IMG_9.png', 'later', picture(54)),
    ]
    assert.equal((await answersTo(ivan, album, /Это HEIC[\s\S]*›/)).length, 1, ivan.print())
  })
})
