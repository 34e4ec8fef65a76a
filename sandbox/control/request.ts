import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'

/** A request of the control API that cannot be served as asked; `message` says what to send instead. */
export class ControlError extends Error {
  readonly statusCode: number
  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

/** Lets a scope take an empty body for `{}`: many clients announce JSON and then send none. */
export function acceptEmptyJson(scope: FastifyInstance): void {
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, String(body).trim() === '' ? {} : JSON.parse(String(body)))
    } catch {
      done(new ControlError(400, 'the body is not JSON'))
    }
  })
}

/** Reads a body against its schema; every problem is named at once. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {})
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  throw new ControlError(400, problems.join('; '))
}

/** A whole number of the query string. */
export function queryNumber(query: unknown, name: string): number | undefined {
  const text = queryText(query, name)
  if (text === undefined) return undefined
  if (!/^-?\d{1,15}$/.test(text)) throw new ControlError(400, `${name}: a whole number is expected`)
  return Number(text)
}

/** A text of the query string; of one given twice, the last. */
export function queryText(query: unknown, name: string): string | undefined {
  if (typeof query !== 'object' || query === null || !(name in query)) return undefined
  const value: unknown = Reflect.get(query, name)
  const last: unknown = Array.isArray(value) ? value.at(-1) : value
  return typeof last === 'string' && last !== '' ? last : undefined
}
