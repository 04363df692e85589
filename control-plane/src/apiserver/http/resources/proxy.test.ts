import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { request } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { KINDS } from '@davit/api'
import { forwardRequest } from '../../reverse-proxy/index.ts'
import type { ProxyCall, Streams } from '../options.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

const BASE = '/api/v1/namespaces/default'
let backend: Server
let server: TestServer
const calls: ProxyCall[] = []
const upgraded: ProxyCall[] = []

/** Everything goes to one backend, over HTTP/2 from the client and HTTP/1.1 to the backend. */
const streams: Streams = {
  upgrade: (_request, socket) => void socket.destroy(),
  log: async () => {
    throw new Error('no log')
  },
  node: async ({ path }) => {
    throw new Error(`no node page ${path}`)
  },
  proxy: async (call, { request, response }, signal) => {
    calls.push(call)
    const open = async () => connect((backend.address() as AddressInfo).port, '127.0.0.1')
    await forwardRequest(request, response, { backend: { connect: open, path: call.path }, signal })
  },
  proxyUpgrade: async (call, _request, socket) => {
    upgraded.push(call)
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  },
}

before(async () => {
  backend = createServer(async (incoming, response) => {
    response.writeHead(incoming.url === '/teapot' ? 418 : 200, { 'x-method': incoming.method, connection: 'keep-alive' })
    response.end(`${incoming.url} ${incoming.headers.host} ${await text(incoming)}`)
  })
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  server = await startTestServer(KINDS, { streams })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  backend.closeAllConnections()
  backend.close()
})

test('a request below proxy is passed on, whatever its method', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
    const body = method === 'HEAD' ? {} : { body: `from ${method}` }
    const answer = await server.call(method, `${BASE}/pods/https:web:8443/proxy/a//b%2F`, { ...body, headers: { host: 'cluster' } })
    assert.deepEqual([answer.code, answer.headers['x-method'], answer.headers.connection], [200, method, undefined])
    assert.match(answer.text, method === 'HEAD' ? /^$/ : new RegExp(`^/a//b%2F .* from ${method}$`))
  }
  const { user, ...call } = calls.at(-1) as ProxyCall
  assert.deepEqual(call, { resource: 'pods', namespace: 'default', name: 'https:web:8443', path: '/a//b%2F' })
  assert.equal((await server.call('GET', `${BASE}/services/web/proxy/teapot`)).code, 418)
})

test('a path without the slash at its end is sent there, so that relative links lead below it', async () => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await server.call(method, `${BASE}/services/web:http/proxy?a=b`)
    assert.deepEqual([answer.code, answer.headers.location], [301, `${BASE}/services/web:http/proxy/?a=b`])
  }
  const before = calls.length
  await server.call('POST', `${BASE}/services/web:http/proxy?a=b`, { body: 'x' })
  assert.deepEqual([calls.length, calls.at(-1)?.path], [before + 1, ''])
})

test('only who may is passed on, and only to what can be', async () => {
  const before = calls.length
  const refused = await server.call('DELETE', `${BASE}/services/web/proxy/x`, { as: 'anonymous' })
  assert.equal(refused.code, 403)
  assert.match(refused.json.message, /cannot delete resource "services\/proxy" in API group "" in the namespace "default"/)
  assert.equal((await server.call('GET', `${BASE}/configmaps/web/proxy/x`)).code, 404)
  assert.equal((await server.call('GET', '/apis/apps/v1/namespaces/default/deployments/web/proxy/x')).code, 404)
  assert.equal(calls.length, before)
})

test("a node's own pages come from its agent, what is at its other ports from there", async () => {
  for (const name of ['n', 'n:10250', 'https:n:10250']) {
    assert.equal((await server.call('GET', `/api/v1/nodes/${name}/proxy/stats/summary`)).code, 500, name)
    assert.equal((await server.call('POST', `/api/v1/nodes/${name}/proxy/stats/summary`)).code, 405, name)
  }
  assert.equal((await server.call('GET', '/api/v1/nodes/n:9100/proxy/metrics')).code, 200)
  assert.deepEqual([calls.at(-1)?.resource, calls.at(-1)?.namespace, calls.at(-1)?.name], ['nodes', '', 'n:9100'])
})

test('a connection that leaves HTTP is passed on for who may', async () => {
  const upgrade = async (credentials: object, path: string) => {
    const headers = { connection: 'Upgrade', upgrade: 'echo' }
    const asked = request({ ...credentials, port: server.server.port, host: '127.0.0.1', path, headers, ca: server.pki.ca.certificate })
    asked.end()
    const [response] = await Promise.race([once(asked, 'upgrade'), once(asked, 'response')])
    response.destroy()
    return response.statusCode
  }
  const admin = { cert: server.pki.admin.certificate, key: server.pki.admin.key }
  assert.equal(await upgrade(admin, `${BASE}/pods/web:80/proxy/ws?x=y`), 101)
  assert.deepEqual([upgraded[0]?.name, upgraded[0]?.path], ['web:80', '/ws'])
  assert.equal(await upgrade({}, `${BASE}/pods/web:80/proxy/ws`), 403)
  assert.equal(await upgrade(admin, `${BASE}/configmaps/web/proxy/ws`), 404)
})
