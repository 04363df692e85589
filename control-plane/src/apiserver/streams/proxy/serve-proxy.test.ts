import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { EndpointSlice, KubernetesObject, Service } from '@davit/api'
import { WebSocket, WebSocketServer } from 'ws'
import { NODE, pod, startCluster, type TestCluster } from '../testing/cluster.ts'

const ADDRESS = '10.9.0.7'
let cluster: TestCluster
let server: Server
let dialled: string[]
/** What the pod serves; may be changed. */
let serve: RequestListener

beforeEach(async () => {
  dialled = []
  serve = (_request, response) => void response.end('hello')
  server = createServer((incoming, response) => serve(incoming, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cluster = await startCluster()
  cluster.pods.set('web', podAt('web', ADDRESS))
  // The agent: whatever is dialled, the server answers.
  cluster.handler = (stream, url) => {
    dialled.push(`${url.pathname} ${url.searchParams.get('address')} ${url.searchParams.get('port')}`)
    const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => stream.close(2))
    stream.once('close', () => socket.destroy())
    stream.respond({ ':status': 200 })
    stream.pipe(socket).pipe(stream)
  }
})
afterEach(async () => {
  await cluster.close()
  server.closeAllConnections()
  server.close()
})

function podAt(name: string, ip: string, ports: number[] = [8080]) {
  const made = pod(name, { spec: { containers: [{ name: 'main', image: 'x', ports: ports.map(containerPort => ({ containerPort })) }] } })
  return { ...made, status: { ...made.status, podIP: ip, podIPs: [{ ip }] } } as ReturnType<typeof pod>
}

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

async function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
  const length = body !== undefined ? { 'content-length': String(Buffer.byteLength(body)) } : {}
  const asked = request({ port: cluster.port, host: '127.0.0.1', path: `/proxy-of/${path}`, method, headers: { ...length, ...headers } })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return response
}

async function said(path: string, asked?: Asked): Promise<[code: number | undefined, text: string]> {
  const response = await ask(path, asked)
  const body = await text(response)
  return [response.statusCode, body.startsWith('{"') ? (JSON.parse(body) as { message: string }).message : body]
}

test('every method goes to the pod, with query and body, and its answer comes back', async () => {
  serve = async (incoming, response) => {
    response.setHeader('x-method', incoming.method ?? '')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.statusCode = 207
    response.end(`${incoming.url} ${await text(incoming)}`)
  }
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
    const body = method === 'HEAD' ? {} : { body: `body of ${method}` }
    const response = await ask('pods/web/a//b%2Fc/?q=%20x', { method, ...body })
    assert.equal(response.statusCode, 207)
    assert.equal(response.headers['x-method'], method)
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(await text(response), method === 'HEAD' ? '' : `/a//b%2Fc/?q=%20x body of ${method}`)
  }
  assert.equal(dialled[0], `/dial ${ADDRESS} 8080`)
})

test('large bodies pass in both directions', async () => {
  serve = (incoming, response) => incoming.pipe(response)
  const body = Buffer.alloc(6 << 20, 'abc')
  assert.ok((await buffer(await ask('pods/web:81/', { method: 'POST', body }))).equals(body))
  assert.equal(dialled[0], `/dial ${ADDRESS} 81`)
})

test('a body that the pod does not read does not stand in the way of what the client asks next', async () => {
  serve = (incoming, response) => {
    if (incoming.method !== 'POST') return void response.end('more')
    // Neither read further nor closed.
    response.socket?.write('HTTP/1.1 413 Payload Too Large\r\nContent-Length: 6\r\n\r\nenough')
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const options = { port: cluster.port, host: '127.0.0.1', agent }
  const asked = request({ ...options, path: '/proxy-of/pods/web/', method: 'POST', headers: { 'content-length': String(4 << 20) } })
  asked.on('error', () => {})
  asked.end(Buffer.alloc(4 << 20))
  const [refused] = (await once(asked, 'response')) as [IncomingMessage]
  assert.deepEqual([refused.statusCode, await text(refused)], [413, 'enough'])
  const next = request({ ...options, path: '/proxy-of/pods/web/' })
  next.end()
  const [answer] = (await once(next, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, await text(answer)], [200, 'more'])
  agent.destroy()
})

test("what a client says to the API server alone does not reach the pod, nor the pod's rules for other origins the client", async () => {
  let headers: IncomingMessage['headers'] = {}
  serve = (incoming, response) => {
    headers = incoming.headers
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('x-kept', 'yes')
    response.end()
  }
  const secret = { authorization: 'Bearer t', 'impersonate-user': 'me', 'impersonate-extra-a': 'b', 'x-remote-user': 'root' }
  const answer = await ask('pods/web/a?b=c', { headers: { ...secret, connection: 'x-mine', 'x-mine': '1', 'x-custom': 'y', host: 'api' } })
  assert.deepEqual([answer.headers['access-control-allow-origin'], answer.headers['x-kept']], [undefined, 'yes'])
  for (const name of [...Object.keys(secret), 'x-mine']) assert.equal(headers[name], undefined, name)
  assert.deepEqual([headers['x-custom'], headers.host, headers['x-forwarded-for']], ['y', 'api', '127.0.0.1'])
  assert.equal(headers['x-forwarded-uri'], '/proxy-of/pods/web/a')
})

test("redirects and links to the pod's own root lead below the proxy", async () => {
  serve = (incoming, response) => {
    if (incoming.url === '/page') {
      const page =
        '<!DOCTYPE html><a class=x href="/rewriteme?a&amp;b">t\xe9</a><img src=\'/i.png\'><script>"<a href=/no>"</script><a href=rel>'
      response.setHeader('content-type', 'text/html; charset=iso-8859-1')
      response.setHeader('content-encoding', 'gzip')
      return void response.end(gzipSync(Buffer.from(page, 'latin1')))
    }
    response.statusCode = 302
    response.setHeader('location', decodeURIComponent(incoming.url?.slice(1) ?? ''))
    response.end()
  }
  const location = async (to: string) => (await ask(`pods/web/${encodeURIComponent(to)}`)).headers.location
  const prefix = '/proxy-of/pods/web'
  assert.equal(await location('/next?x=y#z'), `${prefix}/next?x=y#z`)
  assert.equal(await location(`http://${ADDRESS}:8080/next/`), `${prefix}/next/`)
  assert.equal(await location('next'), 'next')
  assert.equal(await location('https://elsewhere.example/next'), 'https://elsewhere.example/next')
  assert.equal(await location(`${prefix}/next`), `${prefix}/next`)
  const page = await ask('pods/web/page')
  assert.equal(
    gunzipSync(await buffer(page)).toString('latin1'),
    `<!DOCTYPE html><a class=x href="${prefix}/rewriteme?a&amp;b">t\xe9</a><img src='${prefix}/i.png'><script>"<a href=/no>"</script><a href=rel>`,
  )
})

test('an answer is passed on as it comes, and the pod hears when the client leaves', async () => {
  const left = new Promise<void>(resolve => {
    serve = (_incoming, response) => {
      response.write('first')
      response.once('close', () => resolve())
    }
  })
  const response = await ask('pods/web/')
  const [chunk] = (await once(response, 'data')) as [Buffer]
  assert.equal(String(chunk), 'first')
  response.destroy()
  await left
})

test('an answer that breaks off is broken for the client as well', async () => {
  for (const length of [{ 'content-length': '10' }, {}]) {
    serve = (_incoming, response) => {
      response.writeHead(200, length)
      response.write('part', () => response.socket?.resetAndDestroy())
    }
    await assert.rejects(ask('pods/web/').then(text))
  }
})

test('a tunnel that breaks breaks an answer without a length too', async () => {
  serve = (_incoming, response) => {
    // Ends with its connection.
    response.socket?.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart')
  }
  const response = await ask('pods/web/')
  await once(response, 'data')
  cluster.cut()
  await assert.rejects(text(response))
})

test('a pod that is not to be reached is a 503', async () => {
  cluster.handler = stream => {
    stream.respond({ ':status': 503, 'content-type': 'application/json' })
    const message = `dial tcp ${ADDRESS}:8080: connect: connection refused`
    stream.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason: 'ServiceUnavailable', code: 503 }))
  }
  assert.deepEqual(await said('pods/web/'), [503, `error trying to reach service: dial tcp ${ADDRESS}:8080: connect: connection refused`])
  cluster.handler = stream => {
    stream.respond({ ':status': 200 })
    stream.end()
  }
  assert.match((await said('pods/web/')).join(' '), /^503 error trying to reach service: /)
})

test('requests go to no address of this machine or its link, and to no port that is none', async () => {
  for (const address of ['127.0.0.1', '169.254.169.254', '::1', '']) {
    cluster.pods.set('odd', podAt('odd', address))
    assert.deepEqual(await said('pods/odd/'), [400, 'address not allowed'])
  }
  assert.deepEqual(await said('pods/ftp:web:1/'), [400, 'invalid pod request "ftp:web:1"'])
  assert.deepEqual(await said('pods/web:99999/'), [400, 'invalid port "99999"'])
  assert.deepEqual(await said('pods/none/'), [404, 'pods "none" not found'])
  assert.deepEqual(dialled, [])
})

function service(name: string, ports: object[]): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { ports } } as unknown as Service
}

function slice(ports: object[], endpoints: object[]): KubernetesObject {
  const metadata = { name: 'slice', namespace: 'default' }
  return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, ports, endpoints } as unknown as EndpointSlice
}

test("a Service's port is found by name or number, and leads to a pod that is ready", async () => {
  cluster.pods.set('other', podAt('other', '10.9.0.8'))
  const target = (name: string, namespace = 'default') => ({ kind: 'Pod', namespace, name })
  cluster.others.push(
    service('app', [
      { name: 'http', port: 80 },
      { name: 'alt', port: 81 },
    ]),
    slice(
      [
        { name: 'http', port: 8080 },
        { name: 'alt', port: 9090 },
      ],
      [
        { addresses: [ADDRESS], conditions: { ready: true }, nodeName: NODE, targetRef: target('web') },
        { addresses: ['10.9.0.8'], conditions: { ready: false }, nodeName: NODE, targetRef: target('other') },
        // Endpoints that someone wrote to lead elsewhere.
        { addresses: ['10.0.0.1'], conditions: { ready: true }, nodeName: NODE },
        { addresses: ['10.0.0.1'], conditions: { ready: true }, nodeName: NODE, targetRef: target('web') },
        { addresses: [ADDRESS], conditions: { ready: true }, nodeName: NODE, targetRef: target('web', 'secret') },
      ],
    ),
  )
  for (const name of ['app:http', 'app:80', 'app:alt', 'http:app:81']) {
    for (let times = 0; times < 4; times++) assert.deepEqual(await said(`services/${name}/x`), [200, 'hello'])
  }
  assert.deepEqual([...new Set(dialled)], [`/dial ${ADDRESS} 8080`, `/dial ${ADDRESS} 9090`])
  assert.deepEqual(await said('services/app:82/'), [503, 'no service port 82 found for service "app"'])
  assert.deepEqual(await said('services/app:none/'), [503, 'no endpoints available for service "app:none"'])
  // Its ports have names, and none was said.
  assert.deepEqual(await said('services/app/'), [503, 'no endpoints available for service "app"'])
  assert.deepEqual(await said('services/none/'), [404, 'services "none" not found'])
})

test("a node's other ports are its own", async () => {
  const status = { addresses: [{ type: 'InternalIP', address: '192.168.7.7' }] }
  cluster.others.push({ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE }, status } as KubernetesObject)
  assert.deepEqual(await said(`nodes/${NODE}:9100/metrics`), [200, 'hello'])
  assert.deepEqual(dialled, ['/dial 192.168.7.7 9100'])
})

test('WebSockets pass through, and so does a refusal of one', async () => {
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (incoming: IncomingMessage, socket, head) => {
    if (incoming.url === '/no') return void socket.end('HTTP/1.1 418 Teapot\r\nx-why: tea\r\nContent-Length: 2\r\n\r\nno')
    sockets.handleUpgrade(incoming, socket, head, webSocket => {
      webSocket.send(`${incoming.url} ${incoming.headers.authorization}`)
      webSocket.on('message', data => webSocket.send(`echo ${data}`))
    })
  })
  const url = (path: string) => `ws://127.0.0.1:${cluster.port}/proxy-of/pods/web${path}`
  const webSocket = new WebSocket(url('/chat?a=b'), ['chat'], { headers: { authorization: 'Bearer t' } })
  assert.equal(String((await once(webSocket, 'message'))[0]), '/chat?a=b undefined')
  assert.equal(webSocket.protocol, 'chat')
  webSocket.send('hi')
  assert.equal(String((await once(webSocket, 'message'))[0]), 'echo hi')
  webSocket.close()
  await once(webSocket, 'close')

  const refused = new WebSocket(url('/no'))
  refused.on('error', () => {})
  const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
  assert.deepEqual([response.statusCode, response.headers['x-why'], await text(response)], [418, 'tea', 'no'])
  sockets.close()
})

test('a pod that does not answer an upgrade hears when the client leaves', async () => {
  const asked = once(server, 'upgrade')
  const client = connect({ port: cluster.port, host: '127.0.0.1' })
  client.on('error', () => {})
  client.write('GET /proxy-of/pods/web/proxy/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  const [, socket] = (await asked) as [unknown, Socket]
  socket.on('error', () => {}).resume()
  client.destroy()
  await once(socket, 'end', { signal: AbortSignal.timeout(5000) })
})
