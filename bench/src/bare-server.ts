/**
 * The least an API server could be: fastify that answers every GET with the bytes in a file, over the same TLS and the same protocols.
 * A process of its own, forked with the folder of certificates and the file as arguments; it sends its port and serves until killed.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fastify } from 'fastify'

const [certificates = '', bodyFile = ''] = process.argv.slice(2)
const server = await readFile(join(certificates, 'server.pem'))
const ca = await readFile(join(certificates, 'ca.pem'))
const body = await readFile(bodyFile)

const app = fastify({ http2: true, https: { allowHTTP1: true, key: server, cert: server, ca, requestCert: true } })
app.get('/*', (_request, reply) => reply.header('content-type', 'application/json').send(body))
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
process.once('disconnect', () => process.exit())
