import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError, badRequest } from './errors.ts'
import { Params, type Upload } from './params.ts'

/** 50 MB for a file, as the cloud allows; a request may hold an album of them. */
export const uploadBytesMax = 50 * 1024 * 1024
const requestBytesMax = 10 * uploadBytesMax

/** Prepares a scope of the app to read bodies as the Bot API does: JSON, forms and multipart. */
export async function readBotBodies(app: FastifyInstance): Promise<void> {
  await app.register(multipart, {
    limits: { fileSize: uploadBytesMax, files: 30, fields: 200, fieldSize: 5 * 1024 * 1024, parts: 230 },
    throwFileSizeLimit: true,
  })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser(
    ['application/json', 'application/x-www-form-urlencoded'],
    { parseAs: 'buffer', bodyLimit: uploadBytesMax },
    (_request, body, done) => done(null, body),
  )
}

/** Query string first, then the body, which wins. */
export async function readParams(request: FastifyRequest): Promise<Params> {
  const values = new Map<string, unknown>(new URLSearchParams(request.url.split('?')[1] ?? ''))
  const uploads = new Map<string, Upload>()
  if (request.isMultipart()) await readMultipart(request, values, uploads)
  else if (request.body instanceof Uint8Array) {
    for (const [name, value] of parseFlat(request.headers['content-type'] ?? '', request.body)) values.set(name, value)
  }
  return new Params(values, uploads)
}

/** JSON or a form, from a request or from a webhook's answer. */
export function parseFlat(contentType: string, body: Uint8Array): ReadonlyMap<string, unknown> {
  const text = Buffer.from(body).toString('utf8')
  if (text.trim() === '') return new Map()
  if (contentType.includes('x-www-form-urlencoded')) return new Map(new URLSearchParams(text))
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw badRequest("can't parse request JSON object")
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw badRequest('request JSON object expected')
  }
  return new Map(Object.entries(parsed))
}

async function readMultipart(
  request: FastifyRequest,
  values: Map<string, unknown>,
  uploads: Map<string, Upload>,
): Promise<void> {
  let total = 0
  try {
    for await (const part of request.parts()) {
      if (part.type === 'field') {
        values.set(part.fieldname, part.value)
        continue
      }
      const bytes = await part.toBuffer()
      total += bytes.byteLength
      if (total > requestBytesMax) throw new ApiError(413, 'Request Entity Too Large')
      uploads.set(part.fieldname, { name: part.filename, mime: part.mimetype, bytes })
    }
  } catch (error) {
    if (error instanceof ApiError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code.endsWith('_LIMIT') || code === 'FST_REQ_FILE_TOO_LARGE')
      throw new ApiError(413, 'Request Entity Too Large')
    throw badRequest("can't parse multipart request")
  }
}
