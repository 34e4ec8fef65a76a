import type * as Http from 'node:http'
import { createRequire } from 'node:module'

/**
 * Node's `http`. An `import` of it reads every export, and one of them loads all of Node's own `fetch`, which nobody here
 * calls: a tenth of the processor time of a start.
 */
const http: typeof Http = createRequire(import.meta.url)('node:http')

export const { Agent, createServer, request } = http
