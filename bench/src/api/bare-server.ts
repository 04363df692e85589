/**
 * The least an API server could be: fastify that answers `GET /NAME` with the bytes in the file of that name, over the same TLS and the
 * same protocols. What follows `/watch/` stays open, and `POST /event` writes one line of bytes, the file `event`, to all of those. A
 * process of its own, forked with the folder of certificates and the folder of files as arguments; it sends its port and serves until killed.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { fastify } from 'fastify'

const [certificates = '', files = ''] = process.argv.slice(2)
const server = await readFile(join(certificates, 'server.pem'))
const ca = await readFile(join(certificates, 'ca.pem'))
const bodies = new Map<string, Buffer>()
const watchers = new Set<Writable>()

async function bodyOf(name: string): Promise<Buffer> {
  const body = bodies.get(name) ?? (await readFile(join(files, name)))
  bodies.set(name, body)
  return body
}

const http2 = { maxSessionMemory: 256, settings: { maxConcurrentStreams: 1000 } }
const app = fastify({ http2: true, https: { allowHTTP1: true, key: server, cert: server, ca, requestCert: true, ...http2 } })
app.get('/watch/*', (_request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'application/json' })
  const stream = reply.raw as unknown as Writable & { flushHeaders(): void }
  stream.flushHeaders()
  watchers.add(stream)
  stream.once('close', () => watchers.delete(stream))
})
app.post('/event', async (_request, reply) => {
  const line = await bodyOf('event')
  for (const stream of watchers) stream.write(line)
  return reply.code(201).send()
})
// Without a promise: what is asked for again and again is at hand.
app.get('/:name', (request, reply) => {
  const { name } = request.params as { name: string }
  const body = bodies.get(name)
  const send = (bytes: Buffer) => void reply.header('content-type', 'application/json').send(bytes)
  if (body) send(body)
  else bodyOf(name).then(send, error => void reply.send(error))
})
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
process.once('disconnect', () => process.exit())
