import assert from 'node:assert/strict'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { createSandbox, type SandboxOptions } from '../../sandbox/sandbox.ts'
import { serve } from '../fixtures/loopback.ts'
import { until } from '../fixtures/person.ts'

/**
 * What the tests of the emulated Telegram share: a sandbox of their own, a bot that calls it, a person in front of it,
 * and a webhook that notes what it hears. Everything ends with the test.
 */
export const token = '123456789:AAtest-token_of-the-sandbox'

const anything = z.record(z.string(), z.unknown())
export type Json = Record<string, unknown>
export type Answered = { readonly status: number; readonly headers: Headers; readonly body: Json }

/** Reads a path such as `result.photo.0.file_id`; fails the test when there is nothing. */
export function at(value: unknown, path: string): unknown {
  let here = value
  for (const key of path.split('.')) {
    assert.ok(typeof here === 'object' && here !== null && key in here, `no ${path} in ${JSON.stringify(value)}`)
    here = Reflect.get(here, key)
  }
  return here
}
export const numberAt = (value: unknown, path: string) => z.number().parse(at(value, path))
export const textAt = (value: unknown, path: string) => z.string().parse(at(value, path))
export const listAt = (value: unknown, path: string) => z.array(z.unknown()).parse(at(value, path))

export async function ask(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined
      ? { headers }
      : { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
  })
  return { status: answer.status, headers: answer.headers, body: anything.parse(await answer.json()) }
}

/** A bot and the person's side of one running sandbox. */
export function speaking(url: string, botToken = token) {
  const control = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, `${url}/sandbox/v1${path}`, body)
    assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const call = (method: string, params: Json = {}) => ask('POST', `${url}/telegram/bot${botToken}/${method}`, params)
  return {
    url,
    control,
    call,
    /** Calls a method that must succeed; gives its result. */
    async ok(method: string, params: Json = {}): Promise<unknown> {
      const answer = await call(method, params)
      assert.equal(answer.body['ok'], true, `${method}: ${JSON.stringify(answer.body)}`)
      return answer.body['result']
    },
    async person(wish: Json = {}): Promise<number> {
      return numberAt(await control('POST', '/people', wish), 'id')
    },
    write: (person: number, text: string) => control('POST', `/people/${person}/messages`, { text }),
    advance: (ms: number) => control('POST', '/clock', { advance_ms: ms }),
    async updates(state?: string) {
      const { updates } = await control('GET', `/updates${state === undefined ? '' : `?state=${state}`}`)
      return z
        .array(
          z.looseObject({
            update_id: z.number(),
            kind: z.string(),
            lane: z.string(),
            state: z.string(),
            attempts: z.array(z.looseObject({ at: z.number(), status: z.number() })),
          }),
        )
        .parse(updates)
    },
    async chat(person: number) {
      return z.array(anything).parse((await control('GET', `/people/${person}/chat`))['messages'])
    },
  }
}
export type Speaking = ReturnType<typeof speaking>

export async function startSandbox(t: TestContext, options: Partial<SandboxOptions> = {}): Promise<Speaking> {
  const sandbox = await createSandbox({ port: 0, ...options })
  t.after(() => sandbox.close())
  return speaking(sandbox.url)
}

export type Heard = { readonly update: Json; readonly headers: IncomingHttpHeaders; readonly reply: ServerResponse }

/** A webhook that notes every update; `answer` decides what it says (200 and nothing when it does nothing). */
export async function startWebhook(t: TestContext, answer: (heard: Heard) => void = ({ reply }) => void reply.end()) {
  const heard: Heard[] = []
  const { url } = await serve(t, ({ body, headers }, reply) => {
    const one = { update: anything.parse(JSON.parse(body.toString())), headers, reply }
    heard.push(one)
    answer(one)
  })
  return {
    url: `${url}/hook`,
    heard,
    ids: () => heard.map(({ update }) => update['update_id']),
    /** Resolves when at least `count` updates have come. */
    until: (count: number) => until(() => heard.length >= count, `the webhook hears ${count} updates`),
  }
}

/** A PNG header of this size: enough for whoever looks at dimensions only. */
export function pngOf(width: number, height: number, bytes = 100): Buffer {
  const png = Buffer.alloc(Math.max(bytes, 33))
  png.write('\x89PNG\r\n\x1a\n', 0, 'latin1')
  png.writeUInt32BE(13, 8)
  png.write('IHDR', 12, 'latin1')
  png.writeUInt32BE(width, 16)
  png.writeUInt32BE(height, 20)
  png.writeUInt8(8, 24)
  return png
}

/** A multipart call with files, as `curl -F` makes it. */
export async function sendForm(
  { url }: Speaking,
  method: string,
  fields: Record<string, string>,
  files: Record<string, { bytes: Uint8Array; name: string }> = {},
): Promise<Answered> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  for (const [name, { bytes, name: fileName }] of Object.entries(files)) {
    form.set(name, new Blob([Uint8Array.from(bytes)]), fileName)
  }
  const answer = await fetch(`${url}/telegram/bot${token}/${method}`, { method: 'POST', body: form })
  return { status: answer.status, headers: answer.headers, body: anything.parse(await answer.json()) }
}
