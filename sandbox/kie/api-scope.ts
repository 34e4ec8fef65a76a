/** What every API route of KIE has in common: planned faults, the key, and errors as envelopes. */
import type { FastifyInstance } from 'fastify'
import type { World } from '../world.ts'
import { type Envelope, failed, Refused } from './envelope.ts'
import { answerPlannedFaults } from './planned-faults.ts'

/** `shape` turns a refusal into the body of this host; uploads add `success: false`. */
export function prepareApi(scope: FastifyInstance, world: World, shape: (problem: Envelope) => object): void {
  answerPlannedFaults(scope, world)
  scope.addHook('onRequest', async (request, reply) => {
    // Any key is good, the sandbox has one account; a missing or malformed header is what KIE refuses first.
    if (!/^Bearer \S+$/.test(request.headers.authorization ?? '')) return reply.send(shape(failed(401)))
  })
  scope.setErrorHandler((error, _request, reply) => {
    if (error instanceof Refused) return reply.send(shape(failed(error.code, error.message)))
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
    if (status < 500)
      return reply.send(shape(failed(status === 413 ? 413 : 400, error instanceof Error ? error.message : undefined)))
    if (error instanceof Error) process.stderr.write(`sandbox: ${error.stack}\n`)
    return reply.send(shape(failed(500)))
  })
}
