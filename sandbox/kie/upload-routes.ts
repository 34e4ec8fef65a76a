/**
 * The upload host: `/api/file-base64-upload`, `/api/file-url-upload`, `/api/file-stream-upload`. The sizes that KIE
 * recommends are limits here, so that a client learns of them. Uploads cost nothing and live for a day.
 */
import { randomBytes } from 'node:crypto'
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { World } from '../world.ts'
import { prepareApi } from './api-scope.ts'
import { Refused } from './envelope.ts'
import type { Files } from './files.ts'
import { sniffExtension, sniffMime } from './sniff.ts'

const megabyte = 1024 * 1024
const base64BytesMax = 10 * megabyte
const streamBytesMax = 100 * megabyte
const urlBytesMax = 100 * megabyte
const urlTimeoutMs = 30_000
const nameLengthMax = 200

const base64Body = z.object({ base64Data: z.string().min(1), uploadPath: z.string(), fileName: z.string().optional() })
const urlBody = z.object({ fileUrl: z.string().min(1), uploadPath: z.string(), fileName: z.string().optional() })

export type UploadDeps = { readonly world: World; readonly files: Files }

export async function uploadRoutes(scope: FastifyInstance, { world, files }: UploadDeps): Promise<void> {
  await scope.register(multipart)
  prepareApi(scope, world, (problem) => ({ success: false, ...problem }))
  scope.setNotFoundHandler((request, reply) => {
    const isKnown = /\/api\/file-(base64|url|stream)-upload$/.test(request.url.split('?')[0] ?? '')
    const [code, msg] = isKnown ? [405, `Request method '${request.method}' is not supported`] : [404, 'Not Found']
    return reply.code(code).send({ success: false, code, msg, data: null })
  })

  function keep(bytes: Uint8Array, uploadPath: string, fileName: string | undefined) {
    if (bytes.byteLength === 0) throw new Refused(400, 'The file is empty')
    const folder = uploadPath.replace(/^\/+|\/+$/g, '')
    if (folder === '') throw new Refused(400, 'uploadPath is required')
    const name = fileName ?? `${randomBytes(12).toString('hex')}.${sniffExtension(bytes)}`
    const path = ['kieai', ...folder.split('/'), name]
    if (
      name.includes('/') ||
      path.some((part) => part === '' || part === '.' || part === '..') ||
      path.join('/').length > nameLengthMax
    )
      throw new Refused(400, 'uploadPath or fileName is not valid')
    const file = files.put(path.join('/'), 'upload', sniffMime(bytes), bytes)
    const data = {
      fileName: name,
      filePath: file.name,
      downloadUrl: files.urlOf(file.name),
      fileSize: file.size,
      mimeType: file.contentType,
      uploadedAt: new Date(file.createdAt).toISOString(),
    }
    return { success: true, code: 200, msg: 'File uploaded successfully', data }
  }

  scope.post('/api/file-base64-upload', { bodyLimit: base64BytesMax * 2 }, async (request) => {
    const { base64Data, uploadPath, fileName } = read(base64Body, request.body)
    const bare = base64Data.replace(/^data:[^,]*;base64,/, '')
    if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(bare)) throw new Refused(400, 'base64Data is not valid base64')
    const bytes = Buffer.from(bare, 'base64')
    if (bytes.byteLength > base64BytesMax) throw new Refused(400, 'File size exceeds the 10MB limit of base64 upload')
    return keep(bytes, uploadPath, fileName)
  })

  scope.post('/api/file-url-upload', async (request) => {
    const { fileUrl, uploadPath, fileName } = read(urlBody, request.body)
    const wish = { method: 'GET', timeoutMs: urlTimeoutMs, maxBytes: urlBytesMax } as const
    const answer = await world.outbound.request(fileUrl, wish)
    if (answer.kind !== 'answer') throw new Refused(400, `Failed to download the file: ${answer.why}`)
    if (answer.status !== 200) throw new Refused(400, `Failed to download the file: HTTP ${answer.status}`)
    return keep(answer.body, uploadPath, fileName)
  })

  scope.post('/api/file-stream-upload', { bodyLimit: streamBytesMax + megabyte }, async (request) => {
    const { bytes, fields } = await readParts(request)
    if (bytes === undefined) throw new Refused(400, 'file is required')
    return keep(bytes, fields.get('uploadPath') ?? '', fields.get('fileName'))
  })
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  throw new Refused(400, `${first?.path.join('.') || 'body'} is required`)
}

async function readParts(
  request: FastifyRequest,
): Promise<{ bytes: Uint8Array | undefined; fields: Map<string, string> }> {
  if (!request.isMultipart()) throw new Refused(400, 'Content-Type must be multipart/form-data')
  const fields = new Map<string, string>()
  let bytes: Uint8Array | undefined
  for await (const part of request.parts({ limits: { fileSize: streamBytesMax, files: 1, fields: 10 } })) {
    if (part.type === 'file') bytes = await part.toBuffer()
    else if (typeof part.value === 'string' && part.value !== '') fields.set(part.fieldname, part.value)
  }
  return { bytes, fields }
}
