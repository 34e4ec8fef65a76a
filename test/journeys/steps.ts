import { createCanvas } from '@napi-rs/canvas'
import { labelsOf, type Message, type Person } from '../fixtures/person.ts'

/** What people do in many journeys, with the words of both languages. */

/** From the menu to the card of a model, turning the pages of the shelf until it is there. */
export async function opens(person: Person, title: string): Promise<Message> {
  await person.says('/start')
  await person.taps(/Картинки и дизайн|Pictures and design/)
  for (;;) {
    const shelf = await person.sees(/\[🏠/)
    if (labelsOf(shelf).some((label) => isOf(label, title))) break
    await person.taps('›')
  }
  await person.taps(new RegExp(`^(🆓 )?${title} · `))
  return await person.sees(/Что понадобится|What it needs/)
}

const isOf = (label: string, title: string) => label.replace('🆓 ', '').startsWith(`${title} · `)

/** To the confirm screen of a model that needs nothing but a description. */
export async function describes(person: Person, title: string, prompt: string): Promise<Message> {
  await opens(person, title)
  await person.says(prompt)
  return await person.sees(/\[Запустить|\[Run|Пополнить на|Top up/)
}

/** A free picture of the cheapest model, from the menu to the message with its buttons. */
export async function getsFreePicture(person: Person, prompt: string): Promise<Message> {
  await describes(person, 'Z-Image', prompt)
  await person.taps(/^(Запустить|Run) · (бесплатно|free)/)
  await person.getsPhoto()
  return await person.getsReceipt()
}

/** Tops the balance up by fifty roubles with Stars; gives the charge. */
export async function topsUp(person: Person): Promise<string> {
  await person.says('/balance')
  await person.taps(/Пополнить|Top up/)
  await person.taps(/^50 ₽|^₽50/)
  const paid = await person.pays()
  await person.sees(/Зачислено 50 ₽|Added|added/)
  return paid.charge_id ?? ''
}

/** A small picture, different for every `shade`. */
export function picture(shade: number, kind: 'image/png' | 'image/jpeg' = 'image/png'): Buffer {
  const canvas = createCanvas(120, 80)
  const pen = canvas.getContext('2d')
  pen.fillStyle = `hsl(${(shade * 47) % 360} 70% 50%)`
  pen.fillRect(0, 0, 120, 80)
  pen.fillStyle = 'white'
  pen.fillText(String(shade), 10, 40)
  return kind === 'image/png' ? canvas.toBuffer('image/png') : canvas.toBuffer('image/jpeg')
}
