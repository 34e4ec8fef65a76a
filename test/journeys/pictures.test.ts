import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { labelsOf, type Person, until } from '../fixtures/person.ts'
import { startWorld } from '../fixtures/service.ts'
import { describes, getsFreePicture, opens, picture, topsUp } from './steps.ts'

/** Pictures made from pictures, and everything a person can do with one that was made. */
const world = await startWorld()
after(() => world.end())
const { controls } = world
let anna: Person

before(async () => {
  await controls.kie({ latency_ms: 50 })
  anna = await world.person('Анна')
  await topsUp(anna)
})

/** The inputs KIE got last, with the pictures it was given as it can fetch them. */
async function lastTask(images: string) {
  const task = (await controls.tasks()).at(-1)
  assert.ok(task)
  const given = task.input[images]
  const urls = (Array.isArray(given) ? given : [given]).map(String)
  const fetched = await Promise.all(urls.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())))
  return { ...task, urls, fetched }
}

test('a photo is reworked: sent in the chat, checked, and handed to KIE by its own upload', async () => {
  const photo = picture(1, 'image/jpeg')
  await opens(anna, 'Qwen 2 Edit')
  await anna.sends({ photo })
  await anna.sees(/✍️ Опишите/)
  await anna.says('сделай зиму')
  await anna.sees(/Фото: 1 картинка[\s\S]*\[Запустить/)
  await anna.taps('Запустить')
  await anna.getsPhoto()
  const { input, urls, fetched } = await lastTask('image_url')
  assert.equal(input['prompt'], 'сделай зиму')
  assert.ok(urls[0]?.startsWith(`${controls.url}/kie/files/`), 'never a Telegram link, which carries the token')
  assert.ok(fetched[0]?.equals(photo))
})

test('a picture sent as a file is as good as a photo, and its caption is the description', async () => {
  const file = picture(2)
  await opens(anna, 'Qwen 2 Edit')
  await anna.sends({ document: { bytes: file, name: 'cat.png', mime: 'image/png' }, caption: 'сделай лето' })
  await anna.sees(/сделай лето[\s\S]*\[Запустить/)
  await anna.taps('Запустить')
  await anna.getsPhoto()
  const { input, fetched } = await lastTask('image_url')
  assert.equal(input['prompt'], 'сделай лето')
  assert.ok(fetched[0]?.equals(file))
})

test('a photo sent as a file arrives at KIE as people see it: turned as its EXIF says', async () => {
  const lying = await sharp(picture(5)).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  await opens(anna, 'Qwen 2 Edit')
  const broken = lying.subarray(0, lying.length - 20)
  await anna.sends({ document: { bytes: broken, name: 'broken.jpg', mime: 'image/jpeg' } })
  await anna.sees(/Это не картинка/)
  await anna.sends({ document: { bytes: lying, name: 'IMG_1.jpg', mime: 'image/jpeg' }, caption: 'сделай осень' })
  await anna.sees(/сделай осень[\s\S]*\[Запустить/)
  await anna.taps('Запустить')
  await anna.getsPhoto()
  const { fetched } = await lastTask('image_url')
  const { width, height, orientation, format } = await sharp(fetched[0]).metadata()
  assert.deepEqual(
    { width, height, orientation, format },
    { width: 80, height: 120, orientation: undefined, format: 'jpeg' },
  )
})

test('a photo that came before a model was chosen is not sent again: it goes to the model that is picked', async () => {
  const photo = picture(21, 'image/jpeg')
  await anna.says('/start')
  await anna.sees(/Картинки и дизайн/)
  await anna.sends({ photo, caption: 'сделай осень' })
  await anna.sees(/Что сделать с фото\? Выберите модель, присылать его ещё раз не нужно/)
  await picks(anna, 'Qwen 2 Edit')
  await anna.sees(/сделай осень[\s\S]*\[Запустить/)
  await anna.taps('Запустить')
  await anna.getsPhoto()
  const { input, fetched } = await lastTask('image_url')
  assert.equal(input['prompt'], 'сделай осень')
  assert.ok(fetched[0]?.equals(photo))
})

test('an album that came before a model was chosen is taken whole, and one message asks for the model', async () => {
  const olga = await world.person('Ольга')
  await olga.says('/start')
  await olga.sees(/Картинки и дизайн/)
  const photos = [31, 32, 33].map((shade) => picture(shade))
  await olga.sendsAtOnce(photos.map((photo) => ({ photo, group: '600' })))
  await olga.sees(/Что сделать с фото/)
  await picks(olga, 'Seedream 5.0 Flash Edit')
  await olga.sees(/Уже есть: 3 из 4/)
  const spoken = (await olga.looks()).filter(({ from }) => from === 'bot')
  assert.equal(spoken.length, 2, 'the menu, and the message that asked and then became the question of the model')
})

/** From a shelf, turning its pages. */
async function picks(person: Person, title: string): Promise<void> {
  for (;;) {
    if (labelsOf(await person.sees(/\[🏠/)).some((label) => label.includes(title))) break
    await person.taps('›')
  }
  await person.taps(title)
}

test('several photos sent at once are all taken, each once', async () => {
  await opens(anna, 'Seedream 5.0 Flash Edit')
  const photos = [3, 4, 5].map((shade) => picture(shade))
  await anna.sendsAtOnce(photos.map((photo) => ({ photo })))
  await anna.sends({ photo: photos[0] ?? picture(3) })
  const asked = await anna.sees(/Уже есть: 3 из 4/)
  assert.ok(labelsOf(asked).includes('✅ Хватит, дальше'))
  await anna.taps('Хватит, дальше')
  await anna.says('соедини их')
  await anna.sees(/Фото: 3 картинки/)
  await anna.taps('Запустить')
  await anna.getsPhoto()
  const { fetched } = await lastTask('image_urls')
  assert.equal(fetched.length, 3)
  for (const photo of photos) assert.ok(fetched.some((bytes) => bytes.equals(photo)))
})

test('an album is taken whole, its caption is the description, and one message speaks for all of it', async () => {
  const tatiana = await world.person('Татьяна')
  await topsUp(tatiana)
  await opens(tatiana, 'Seedream 5.0 Flash Edit')
  const photos = [11, 12, 13].map((shade) => picture(shade))
  await tatiana.sendsAtOnce(
    photos.map((photo, n) => ({ photo, group: '500', ...(n === 0 ? { caption: 'из трёх одно' } : {}) })),
  )
  await tatiana.sees(/Уже есть: 3 из 4/)
  const spoken = (await tatiana.looks()).filter(({ text }) => text?.includes('Уже есть'))
  assert.equal(spoken.length, 1)
  await tatiana.taps('Хватит, дальше')
  await tatiana.sees(/из трёх одно[\s\S]*Фото: 3 картинки[\s\S]*\[Запустить/)
  await tatiana.taps('Запустить')
  await tatiana.getsPhoto()
  const { fetched } = await lastTask('image_urls')
  assert.equal(fetched.length, 3)
})

test('more photos than the model takes are refused with its limit, and the rest is kept', async () => {
  await opens(anna, 'Seedream 5.0 Flash Edit')
  for (let n = 1; n <= 4; n++) {
    await anna.sends({ photo: picture(20 + n) })
    await anna.sees(n < 4 ? new RegExp(`Уже есть: ${n} из 4`) : /Опишите/)
  }
  await anna.sends({ photo: picture(25) })
  await anna.sees(/Больше 4 картинок модель не принимает/)
})

test('a made picture is in the history, and comes again from there as it is kept by Telegram', async () => {
  const boris = await world.person('Борис')
  await getsFreePicture(boris, 'первый кот')
  await getsFreePicture(boris, 'второй кот')
  const { message: second } = await boris.getsPhoto()
  await boris.says('/history')
  const history = await boris.sees(/Мои картинки/)
  assert.equal(labelsOf(history).filter((label) => label.includes('Z-Image')).length, 2)
  await boris.taps('Z-Image')
  await boris.sees(/Заказ · Z-Image[\s\S]*второй кот[\s\S]*✅ Готово\nЦена: бесплатно/)
  const uploadsBefore = (await controls.calls('sendPhoto')).length
  await boris.taps('Прислать снова')
  const { message } = await boris.getsPhoto()
  assert.equal(message.photo?.file_id, second.photo?.file_id)
  const [resent] = (await controls.calls('sendPhoto')).slice(uploadsBefore)
  assert.equal(resent?.params['photo'], second.photo?.file_id, 'sent by its file id, without a download')
})

test('“again” goes straight to the price of the same inputs, and makes a second order', async () => {
  const vera = await world.person('Вера')
  const first = await getsFreePicture(vera, 'закат')
  await vera.taps('Ещё раз', first)
  await vera.sees(/закат[\s\S]*\[Запустить · бесплатно\]/)
  await vera.taps('Запустить')
  const receipt = await vera.getsReceipt()
  assert.match(receipt.text ?? '', /закат[\s\S]*осталось 3/)
})

test('“again” has a seed of its own where the model takes one, unless the person chose it', async () => {
  const seeds = async (person: Person) => {
    await person.taps('Запустить')
    const receipt = await person.getsReceipt()
    await person.taps('Ещё раз', receipt)
    await person.sees(/\[Запустить/)
    await person.taps('Запустить')
    await person.getsReceipt()
    return (await controls.tasks()).slice(-2).map(({ input }) => input['seed'])
  }
  for (const model of ['Wan 2.7 Image', 'Qwen 3']) {
    const vera = await world.person('Вера')
    await topsUp(vera)
    await describes(vera, model, 'закат')
    const [first, second] = await seeds(vera)
    assert.ok(Number.isInteger(first) && Number.isInteger(second))
    assert.notEqual(first, second)
  }
  const gleb = await world.person('Глеб')
  await topsUp(gleb)
  await describes(gleb, 'Wan 2.7 Image', 'закат')
  await gleb.taps('Изменить')
  await gleb.taps(/Зерно|Seed|Сид/)
  await gleb.says('7')
  await gleb.taps(/✅ Готово/)
  await gleb.sees(/\[Запустить/)
  assert.deepEqual(await seeds(gleb), [7, 7])
})

test('“change and repeat” opens the settings, and a new text is the new description', async () => {
  const gleb = await world.person('Глеб')
  const first = await getsFreePicture(gleb, 'закат')
  await gleb.taps('Изменить и повторить', first)
  await gleb.sees(/Настройки/)
  await gleb.says('рассвет')
  await gleb.sees(/Описание заменил[\s\S]*рассвет/)
  await gleb.taps('Изменить')
  await gleb.taps(/Соотношение сторон/)
  await gleb.taps(/16:9/)
  await gleb.taps(/✅ Готово|Запустить/)
  await gleb.sees(/рассвет[\s\S]*16:9[\s\S]*\[Запустить/)
  await gleb.taps('Запустить')
  const receipt = await gleb.getsReceipt()
  assert.match(receipt.text ?? '', /рассвет/)
  const task = (await controls.tasks()).at(-1)
  assert.deepEqual([task?.input['prompt'], task?.input['aspect_ratio']], ['рассвет', '16:9'])
})

test('the original comes as a file, byte for byte as KIE made it', async () => {
  const daria = await world.person('Дарья')
  const message = await getsFreePicture(daria, 'маяк')
  const answer = await daria.taps('Оригинал файлом', message)
  assert.equal(answer.text, 'Отправляю')
  const { bytes } = await daria.getsDocument()
  const task = (await controls.tasks()).findLast(({ input }) => input['prompt'] === 'маяк')
  const [url] = Array.isArray(task?.['result_urls']) ? task['result_urls'] : []
  const made = Buffer.from(await (await fetch(String(url))).arrayBuffer())
  assert.ok(bytes.equals(made))
})

test('an original whose host is away for a moment comes a moment later, and the second time from Telegram', async () => {
  const fedor = await world.person('Фёдор')
  const message = await getsFreePicture(fedor, 'маяк в тумане')
  await controls.fault({ on: 'kie', method: '/kie/files/', status: 503, description: 'html', times: 1 })
  await fedor.taps('Оригинал файлом', message)
  const { message: first } = await fedor.getsDocument()
  await until(async () => (await kept(fedor)) === first.document?.file_id, 'its file id is kept')
  const before = (await controls.calls('sendDocument')).length
  await controls.advance(15 * 24 * 3600 * 1000)
  await fedor.taps('Оригинал файлом', message)
  await fedor.getsDocument()
  const again = (await controls.calls('sendDocument')).at(before)
  assert.equal(again?.params['document'], first.document?.file_id, 'without a download')
  assert.ok(!(await fedor.looks()).some(({ text }) => /удалён/.test(text ?? '')))
})

/** The file id of the newest order's original, as it is kept. */
async function kept(person: Person): Promise<unknown> {
  const client = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
  try {
    const { rows } = await client.query(
      `select body #>> '{order,artifacts,0,original}' as file from orders where person = $1 order by placed_at desc`,
      [person.id],
    )
    return rows[0]?.file
  } finally {
    await client.end()
  }
}

test('an original that KIE has deleted is told so, and the picture stays', async () => {
  const egor = await world.person('Егор')
  const message = await getsFreePicture(egor, 'мост')
  await controls.advance(15 * 24 * 3600 * 1000)
  await egor.taps('Оригинал файлом', message)
  await egor.sees(/Оригинал уже удалён/)
})

test('every prompt gives a picture of its own', async () => {
  const zoya = await world.person('Зоя')
  await getsFreePicture(zoya, 'лес')
  const first = (await zoya.getsPhoto()).bytes
  await getsFreePicture(zoya, 'море')
  const second = (await zoya.getsPhoto()).bytes
  assert.ok(!first.equals(second))
})

test('a choice that changes the price is priced on its button and on the confirm screen', async () => {
  const ivan = await world.person('Иван')
  await topsUp(ivan)
  const confirm = await describes(ivan, 'Ideogram V3', 'плакат')
  assert.match(confirm.text ?? '', /Цена: бесплатно/)
  await ivan.taps('Изменить')
  await ivan.taps(/Скорость|Качество|Рендер/)
  const choices = await ivan.sees(/выберите вариант/)
  const priced = labelsOf(choices).filter((label) => label.includes('₽'))
  assert.ok(priced.length >= 2, labelsOf(choices).join(' | '))
  const [dearest = ''] = priced.toSorted((a, b) => priceIn(b) - priceIn(a))
  await ivan.taps(dearest)
  await ivan.taps(/✅ Готово/)
  const dear = await ivan.sees(/\[Запустить · [\d,]+ ₽\]/)
  assert.equal(priceIn(dear.text ?? ''), priceIn(dearest))
  await ivan.taps('Запустить')
  await ivan.getsPhoto()
  await until(async () => {
    await ivan.looks()
    return ivan.chat().some(({ text }) => text?.includes(`Оплачено ${priceText(dearest)}`))
  }, 'the receipt names the price of the chosen option')
})

const priceText = (text: string): string => /[\d ]*\d,\d\d ₽/.exec(text)?.[0].trim() ?? ''
const priceIn = (text: string): number => Number(priceText(text).replace(' ₽', '').replace(',', '.'))
