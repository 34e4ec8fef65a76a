/** `/api/v1/models…`: which models there are, what they take and what they cost; one request a second for all of it. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { VirtualClock } from '../world.ts'
import { Refused, succeeded } from './envelope.ts'
import type { Catalogue, Model } from './models/catalogue.ts'
import { schemaOf } from './models/open-api.ts'
import { priceText } from './models/price.ts'
import { createRateLimit } from './rate-limit.ts'

const wanted = z.object({ taskType: z.string().optional(), provider: z.string().optional(), q: z.string().optional() })

/** The scope already answers faults and asks for the key. */
export function discoveryRoutes(
  scope: FastifyInstance,
  { catalogue, clock }: { catalogue: Catalogue; clock: VirtualClock },
): void {
  const calls = createRateLimit(clock, { calls: 1, windowMs: 1_000 })
  const sold = catalogue.all.filter((model) => catalogue.find(model.id) === model)

  scope.get('/models', async (request) => {
    if (!calls.take('account')) throw new Refused(429)
    const { taskType, provider, q } = wanted.parse(request.query)
    const found = sold.filter(
      (model) =>
        (taskType === undefined || kindsOf(model).includes(taskType)) &&
        (provider === undefined || model.vendor.toLowerCase() === provider.toLowerCase()) &&
        (q === undefined || `${model.id} ${model.title}`.toLowerCase().includes(q.toLowerCase())),
    )
    return succeeded({ total: found.length, models: found.map(summary) })
  })

  // Model ids carry slashes that are not encoded, so the rest of the path is read by hand.
  scope.get('/models/*', async (request) => {
    if (!calls.take('account')) throw new Refused(429)
    const { '*': rest } = z.object({ '*': z.string() }).parse(request.params)
    const [, id = '', question = ''] = /^(.*)\/(schema|price)$/.exec(rest) ?? []
    const model = catalogue.find(id)
    if (model === undefined) throw new Refused(404, 'Model not found')
    return succeeded(
      question === 'schema' ? { model: id, openapi: schemaOf(model) } : { model: id, pricingDesc: priceText(model) },
    )
  })
}

const kindsOf = (model: Model): readonly string[] => [model.kind, ...(model.also ?? [])]

const summary = (model: Model) => ({
  model: model.id,
  slug: model.id.replaceAll('/', '-'),
  title: model.title,
  provider: model.vendor,
  taskType: kindsOf(model),
  description: `${model.title}, ${kindsOf(model).join(', ')}`,
  pricingDesc: priceText(model),
})
