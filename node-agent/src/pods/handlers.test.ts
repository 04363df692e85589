import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { after, describe, it } from 'node:test'
import { grpcHealth, httpGet, tcpSocket } from './handlers.ts'
import { container } from './test-pods.ts'

const servers: { close(): void }[] = []
after(() => {
  for (const server of servers) server.close()
})
async function listening(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
const target = { container: container('main'), address: '127.0.0.1', timeoutMs: 2_000, signal: new AbortController().signal }

/** A health service that knows one name; bodies are as protobuf writes them. */
async function healthServer(names: Readonly<Record<string, number>>): Promise<number> {
  const server = createHttp2Server()
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const message = Buffer.concat(chunks).subarray(5)
      const long = (message[1] ?? 0) >= 0x80
      const name = message.subarray(long ? 3 : 2).toString()
      const serving = headers[':path'] === '/grpc.health.v1.Health/Check' ? names[name] : undefined
      if (serving === undefined)
        return stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving]))
    })
  })
  return listening(server as unknown as Server)
}

describe('grpcHealth()', () => {
  const LONG = 'shop.'.repeat(40)
  it('asks for the server or one of its services, also by a long name', async () => {
    const port = await healthServer({ '': 1, shop: 2, [LONG]: 1 })
    assert.deepEqual(await grpcHealth({ port }, target), { ok: true, message: '' })
    assert.deepEqual(await grpcHealth({ port, service: LONG }, target), { ok: true, message: '' })
    const sick = await grpcHealth({ port, service: 'shop' }, target)
    assert.deepEqual(sick, { ok: false, message: 'service unhealthy (responded with "NOT_SERVING")' })
    assert.equal((await grpcHealth({ port, service: 'none' }, target)).ok, false)
  })
  it('gives up on one that never answers', async () => {
    const port = await listening(createTcpServer(() => {}))
    const { ok, message } = await grpcHealth({ port }, { ...target, timeoutMs: 100 })
    assert.deepEqual([ok, message], [false, `timeout: failed to connect service "127.0.0.1:${port}" within 0.1s`])
  })
})

describe('httpGet()', () => {
  it('sends headers, a Host of its own and a name given twice', async () => {
    let seen: IncomingHttpHeaders = {}
    let raw: string[] = []
    const port = await listening(
      createServer((request, response) => {
        seen = request.headers
        raw = request.rawHeaders
        response.writeHead(request.url === '/ok' ? 204 : 500).end()
      }),
    )
    const httpHeaders = [
      { name: 'Host', value: 'shop.example' },
      { name: 'X-A', value: '1' },
      { name: 'X-A', value: '2' },
    ]
    assert.equal((await httpGet({ port, path: '/ok', httpHeaders }, target)).ok, true)
    assert.deepEqual([seen.host, seen['x-a'], seen['user-agent']], ['shop.example', '1, 2', 'kube-probe/1.33'])
    assert.equal(raw.filter(name => name.toLowerCase() === 'x-a').length, 2)
    const { ok, message } = await httpGet({ port, path: '/no' }, target)
    assert.deepEqual([ok, message], [false, 'HTTP probe failed with statuscode: 500'])
  })
  it('finds a port by its name, and says when there is none of it', async () => {
    const port = await listening(createServer((_, response) => response.end()))
    const named = { ...target, container: container('main', { ports: [{ name: 'web', containerPort: port }] }) }
    assert.equal((await httpGet({ port: 'web' }, named)).ok, true)
    await assert.rejects(httpGet({ port: 'other' }, named), /couldn't find port: "other"/)
  })
  it('gives up on one that never answers', async () => {
    const port = await listening(createTcpServer(() => {}))
    const { message } = await httpGet({ port }, { ...target, timeoutMs: 100 })
    assert.match(message, /context deadline exceeded/)
  })
})

describe('tcpSocket()', () => {
  it('connects, or says that nobody listens', async () => {
    const server = createTcpServer()
    const port = await listening(server)
    assert.equal((await tcpSocket({ port }, target)).ok, true)
    await new Promise(resolve => server.close(resolve))
    assert.deepEqual(await tcpSocket({ port }, target), { ok: false, message: `dial tcp 127.0.0.1:${port}: connect: connection refused` })
  })
})
