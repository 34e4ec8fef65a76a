/** `GET /kie/files/<name>`: results and uploads, without a key, as KIE's file hosts give them. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { World } from '../world.ts'
import type { Behaviour } from './behaviour.ts'
import type { Files } from './files.ts'
import { answerPlannedFaults } from './planned-faults.ts'

const hugeBytes = 60_000_000
const denied =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
const page =
  '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser.</body></html>'

export type FileDeps = { readonly world: World; readonly files: Files; readonly behaviour: () => Behaviour }

export function fileRoutes(scope: FastifyInstance, { world, files, behaviour }: FileDeps): void {
  answerPlannedFaults(scope, world)

  scope.get('/*', async (request, reply) => {
    const { '*': name } = z.object({ '*': z.string() }).parse(request.params)
    const found = files.open(name, new URLSearchParams(request.url.split('?')[1] ?? ''))
    const notFound = () => reply.code(404).type('text/plain').send('Not Found')
    switch (found.kind) {
      case 'absent':
        return notFound()
      case 'expired':
        return reply.code(403).type('application/xml').send(denied)
      case 'found':
        if (found.file.position !== undefined && found.file.position === behaviour().dead_result) return notFound()
        break
    }
    switch (found.file.kind === 'result' ? behaviour().result_url : 'normal') {
      case 'forbidden':
        return reply.code(403).type('application/xml').send(denied)
      case 'html':
        return reply.type('text/html').send(page)
      case 'huge':
        return reply.type(found.file.contentType).header('content-length', hugeBytes).send(padded(found.bytes))
      case 'normal':
        return reply.type(found.file.contentType).send(Buffer.from(found.bytes))
    }
  })
}

/** The picture and then zeros, in pieces, so that nobody has to hold 60 MB. */
function padded(bytes: Uint8Array): Readable {
  return Readable.from(
    (function* () {
      yield Buffer.from(bytes)
      const piece = Buffer.alloc(256 * 1024)
      for (let left = hugeBytes - bytes.byteLength; left > 0; left -= piece.byteLength)
        yield left < piece.byteLength ? piece.subarray(0, left) : piece
    })(),
  )
}
