import { createServer } from 'node:http'

/** The least that a webhook can do: reads the body, parses it, keeps nothing, says 200. */
const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => {
    body += chunk
  })
  request.on('end', () => {
    const update: unknown = JSON.parse(body)
    const text = JSON.stringify({ ok: typeof update === 'object' })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    response.end(text)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`listening on ${typeof address === 'object' && address !== null ? address.port : 0}`)
})
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
