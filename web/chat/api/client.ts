import type * as z from 'zod/mini'
import { bots, chatPart, paymentEnded, people, personMade, refusal, sent, tapped } from './schema.ts'

/** One chat: a pair of a bot and a person. */
export interface ChatOf {
  readonly bot: number
  readonly person: number
}

export type FileKind = 'photo' | 'video' | 'audio' | 'document'
export type PersonDetails = { readonly first_name: string; readonly language_code: string }
export type Api = ReturnType<typeof createApi>

/** What a person can do, as calls of the sandbox's control API. Each rejects with a sentence when it was refused. */
export function createApi(root: string) {
  async function request(method: string, path: string, body?: unknown): Promise<unknown> {
    const content = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(`${root}${path}`, { method, ...(body === undefined ? {} : content) }).catch(() => {
      throw new Error('The sandbox does not answer.')
    })
    const text = await response.text()
    if (!response.ok) throw new Error(whyRefused(response.status, text))
    return text === '' ? undefined : JSON.parse(text)
  }
  async function read<T extends z.ZodMiniType>(answer: T, path: string): Promise<z.infer<T>> {
    return answer.parse(await request('GET', path))
  }
  async function post<T extends z.ZodMiniType>(answer: T, path: string, body: unknown): Promise<z.infer<T>> {
    return answer.parse(await request('POST', path, body))
  }

  return {
    people: () => read(people, '/people'),
    bots: () => read(bots, '/bots'),
    addPerson: (person: PersonDetails) => post(personMade, '/people', person),
    changePerson: (id: number, person: PersonDetails) => request('PATCH', `/people/${id}`, person),
    chat: (chat: ChatOf, after: number | undefined) =>
      read(chatPart, path(chat, 'chat', after === undefined ? '' : `&after=${after}`)),
    say: (chat: ChatOf, text: string) => post(sent, path(chat, 'messages'), { text }),
    sendFile: async (chat: ChatOf, kind: FileKind, file: File, caption: string) =>
      post(sent, path(chat, 'messages'), {
        [kind]: { base64: await base64(file), file_name: file.name, ...(file.type && { mime_type: file.type }) },
        ...(caption && { caption }),
      }),
    tap: (chat: ChatOf, tap: { message_id: number; data: string }) => post(tapped, path(chat, 'taps'), tap),
    pay: (chat: ChatOf, payment: { message_id: number; outcome: 'pay' | 'decline' }) =>
      post(paymentEnded, path(chat, 'payments'), payment),
    block: (chat: ChatOf) => request('POST', path(chat, 'block'), {}),
    unblock: (chat: ChatOf) => request('POST', path(chat, 'unblock'), {}),
  }
}

const path = ({ person, bot }: ChatOf, what: string, more = '') => `/people/${person}/${what}?bot=${bot}${more}`

function whyRefused(status: number, text: string): string {
  try {
    return refusal.parse(JSON.parse(text)).error
  } catch {
    return `The sandbox answered ${status}.`
  }
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`))
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''))
    reader.readAsDataURL(file)
  })
}
