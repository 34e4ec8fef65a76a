/**
 * Planned faults on KIE's routes. A status that is one of KIE's codes is answered as KIE does, with HTTP 200 and the code in
 * the body; any other as a gateway would, with that HTTP status and a page; `description: "html"` makes any of them a page.
 * `after_execution` lets the call take effect first and then loses its answer, or replaces it where a status is given.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Fault, VirtualClock, World } from '../world.ts'
import { failed, isKieCode } from './envelope.ts'

type Answer = { readonly status: number; readonly type: string; readonly body: string; readonly retryAfter?: number }

export function answerPlannedFaults(scope: FastifyInstance, { faults, clock }: World): void {
  const afterwards = new WeakMap<FastifyRequest, Fault>()

  scope.addHook('onRequest', async (request, reply) => {
    const fault = faults.take('kie', request.url.split('?')[0] ?? '')
    if (fault === undefined) return
    if (fault.after_execution === true) {
      afterwards.set(request, fault)
      return
    }
    await pause(clock, fault)
    const answer = answerOf(fault)
    if (answer !== undefined) return dress(reply, answer).send(answer.body)
  })

  scope.addHook('onSend', async (request, reply, payload) => {
    const fault = afterwards.get(request)
    if (fault === undefined) return payload
    await pause(clock, fault)
    const answer = answerOf(fault)
    if (answer === undefined) {
      request.raw.socket.destroy()
      return payload
    }
    dress(reply, answer).removeHeader('content-length')
    return answer.body
  })
}

function dress(reply: FastifyReply, { status, type, retryAfter }: Answer): FastifyReply {
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  return reply.code(status).type(type)
}

const pause = (clock: VirtualClock, { delay_ms: ms = 0 }: Fault): Promise<void> =>
  ms === 0 ? Promise.resolve() : new Promise((resolve) => clock.after(ms, resolve))

/** Undefined where the fault only delays. */
function answerOf({ status, description, retry_after: retryAfter }: Fault): Answer | undefined {
  const code = status ?? (retryAfter === undefined ? undefined : 429)
  if (code === undefined && description === undefined) return undefined
  const waits = retryAfter === undefined ? {} : { retryAfter }
  if (code !== undefined && description !== 'html' && isKieCode(code))
    return { status: 200, type: 'application/json', body: JSON.stringify(failed(code, description)), ...waits }
  const page = gatewayPage(code ?? 200)
  return { status: code ?? 200, type: 'text/html', body: page, ...waits }
}

const gatewayPage = (status: number): string =>
  `<html>\r\n<head><title>${status} Gateway</title></head>\r\n<body>\r\n<center><h1>${status} Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n`
