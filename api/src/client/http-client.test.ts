import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { SteppedClock, type Thing, thingKind } from '../informer/fake-api.ts'
import { ApiError, isReason } from '../status.ts'
import { connectHttp, type HttpClientOptions } from './http-client.ts'
import { type Answer, makeCertificates, respond, startTestServer, type TestServer } from './test-server.ts'

const certificates = makeCertificates()
const open: { close(): void }[] = []
after(() => {
  for (const one of open) one.close()
})

async function serve(answer: Answer): Promise<TestServer> {
  const server = await startTestServer(certificates, answer)
  open.push(server)
  return server
}

function client(servers: readonly { url: string }[], options: Partial<HttpClientOptions> = {}) {
  const made = connectHttp({ servers: servers.map(({ url }) => url), certificateAuthority: certificates.authority, ...options })
  open.push(made)
  return made
}

const thing = (name: string, value = 1): Thing => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { namespace: 'ns', name, uid: 'u', resourceVersion: '5' },
  spec: { group: 'a', value },
})
const failure = (code: number, reason: string) => ({
  apiVersion: 'v1',
  kind: 'Status',
  metadata: {},
  status: 'Failure',
  message: `no: ${reason}`,
  reason,
  code,
})

test('every call is the request Kubernetes knows', async () => {
  const server = await serve((stream, { method, path }) =>
    respond(
      stream,
      200,
      method === 'GET' && !path.includes('/x') ? { metadata: { resourceVersion: '9' }, items: [{ metadata: { name: 'x' } }] } : thing('x'),
    ),
  )
  const http = client([server], { token: 'secret', userAgent: 'test/1' })
  const things = http.resource(thingKind)
  const target = { namespace: 'ns', name: 'x' }
  await things.get(target, { resourceVersion: '0' })
  const list = await things.list({
    labelSelector: 'a=b,c',
    fieldSelector: 'spec.nodeName=n',
    limit: 5,
    continue: 'tok',
    resourceVersion: '7',
    resourceVersionMatch: 'Exact',
  })
  await things.create(thing('x'), { dryRun: true, fieldManager: 'me', fieldValidation: 'Strict' })
  await things.update(thing('x'), { subresource: 'status' })
  await things.patch(target, { type: 'json', body: [{ op: 'remove', path: '/spec' }] })
  await things.patch(target, { type: 'merge', body: { a: null } }, { subresource: 'scale' })
  await things.patch(target, { type: 'strategic', body: {} })
  await things.delete(target, { gracePeriodSeconds: 0, propagationPolicy: 'Background', preconditions: { uid: 'u' }, dryRun: true })
  await things.deleteCollection({ namespace: 'ns', labelSelector: 'a' })
  await things.post(target, 'binding', { target: 'n' })

  const path = '/api/v1/namespaces/ns/things'
  assert.deepEqual(
    server.received.map(({ method, path, headers, body }) => [method, path, headers['content-type'], body]),
    [
      ['GET', `${path}/x?resourceVersion=0`, undefined, ''],
      [
        'GET',
        '/api/v1/things?labelSelector=a%3Db%2Cc&fieldSelector=spec.nodeName%3Dn&limit=5&continue=tok&resourceVersion=7&resourceVersionMatch=Exact',
        undefined,
        '',
      ],
      ['POST', `${path}?dryRun=All&fieldManager=me&fieldValidation=Strict`, 'application/json', JSON.stringify(thing('x'))],
      ['PUT', `${path}/x/status`, 'application/json', JSON.stringify(thing('x'))],
      ['PATCH', `${path}/x`, 'application/json-patch+json', '[{"op":"remove","path":"/spec"}]'],
      ['PATCH', `${path}/x/scale`, 'application/merge-patch+json', '{"a":null}'],
      ['PATCH', `${path}/x`, 'application/strategic-merge-patch+json', '{}'],
      [
        'DELETE',
        `${path}/x`,
        'application/json',
        '{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"propagationPolicy":"Background","preconditions":{"uid":"u"},"dryRun":["All"]}',
      ],
      ['DELETE', `${path}?labelSelector=a`, 'application/json', '{"apiVersion":"v1","kind":"DeleteOptions"}'],
      ['POST', `${path}/x/binding`, 'application/json', '{"target":"n"}'],
    ],
  )
  assert.equal(server.received[0]?.headers.authorization, 'Bearer secret')
  assert.equal(server.received[0]?.headers['user-agent'], 'test/1')
  assert.deepEqual(list.items[0], { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' } })
  assert.equal(server.sessions.size, 1)
})

test('a Status is thrown as ApiError, and anything else as the error its code means', async () => {
  const server = await serve((stream, { path }) => {
    if (path.endsWith('/x')) return respond(stream, 404, failure(404, 'NotFound'))
    stream.respond({ ':status': 502, 'content-type': 'text/html' })
    stream.end('<h1>Bad gateway</h1>')
  })
  const things = client([server]).resource(thingKind)
  await assert.rejects(things.get({ namespace: 'ns', name: 'x' }), err => isReason(err, 'NotFound') && err.message === 'no: NotFound')
  await assert.rejects(things.list(), err => err instanceof ApiError && err.code === 502 && /Bad gateway/.test(err.message))
})

test('the server is checked against the authority alone, and knows the client by its certificate', async () => {
  const server = await serve(stream => {
    const socket = stream.session?.socket as unknown as { getPeerCertificate(): { subject?: { CN: string } } }
    respond(stream, 200, { who: socket.getPeerCertificate().subject?.CN })
  })
  const known = client([server], { certificate: certificates.client.certificate, key: certificates.client.key })
  assert.deepEqual(JSON.parse(await text((await known.raw({ method: 'GET', path: '/who' })).body)), { who: 'client' })
  const stranger = client([server], { certificateAuthority: makeCertificates().authority })
  await assert.rejects(stranger.resource(thingKind).list(), err => isReason(err, 'ServiceUnavailable') && /certificate/.test(err.message))
})

test('without a server the failure says so and the next attempt waits', async () => {
  const server = await serve(stream => respond(stream, 200, { items: [] }))
  server.close()
  const clock = new SteppedClock()
  const things = client([server], { clock }).resource(thingKind)
  await assert.rejects(things.list(), err => isReason(err, 'ServiceUnavailable') && /ECONNREFUSED/.test(err.message))
  const waiting = new Promise<number>(resolve => {
    clock.onSleep = ms => ms < 1_000 && resolve(ms)
  })
  const second = things.list()
  const waitedMs = await waiting
  assert.ok(waitedMs >= 50 && waitedMs <= 100, `waited ${waitedMs}`)
  clock.step(waitedMs)
  await assert.rejects(second, err => isReason(err, 'ServiceUnavailable'))
})

/** A way to `server` that can stop carrying anything, without a word to either side. */
async function startWire(server: TestServer) {
  const sockets: Socket[] = []
  const wire = createServer(near => {
    const far = createConnection(Number(new URL(server.url).port), '127.0.0.1')
    sockets.push(near, far)
    for (const socket of [near, far]) socket.on('error', () => {})
    near.pipe(far).pipe(near)
  })
  await new Promise<void>(resolve => wire.listen(0, '127.0.0.1', resolve))
  const made = {
    url: `https://127.0.0.1:${(wire.address() as AddressInfo).port}`,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      wire.close()
    },
  }
  open.push(made)
  return made
}

/** Two servers; `first` is the one the client uses at the time. */
async function pair(clientOptions: Partial<HttpClientOptions> = {}) {
  const ok: Answer = stream => respond(stream, 200, { metadata: {}, items: [] })
  const servers = [await serve(ok), await serve(ok)]
  const http = client(servers, clientOptions)
  await http.resource(thingKind).list()
  const [first, second] = servers[0]!.received.length ? servers : servers.toReversed()
  return { http, things: http.resource(thingKind), first: first!, second: second! }
}

test('a read is sent to another server when the session breaks before the answer, a write is not', async () => {
  const { things, first, second } = await pair()
  const breaks: Answer = stream => stream.session?.destroy()
  first.answer = breaks
  await things.list()
  assert.equal(second.received.length, 1)
  second.answer = breaks
  first.answer = stream => respond(stream, 201, thing('x'))
  await assert.rejects(things.create(thing('x')), err => isReason(err, 'ServiceUnavailable') && err.cause instanceof Error)
  assert.deepEqual(
    first.received.map(({ method }) => method),
    ['GET', 'GET'],
  )
  await things.create(thing('x'))
})

test('a server that is away is left at once, for writes too, and what runs on its session goes on', async () => {
  const { http, things, first, second } = await pair()
  const watch = await http.raw({ method: 'GET', path: '/watch' }).then(({ body }) => body)
  watch.resume()
  let finish = () => {}
  first.answer = stream => {
    stream.respond({ ':status': 200 })
    finish = () => stream.end('late')
  }
  const running = await http.raw({ method: 'GET', path: '/watch' })
  first.answer = stream => respond(stream, 503, failure(503, 'ServiceUnavailable'), { 'retry-after': '10' })
  second.answer = stream => respond(stream, 201, thing('x'))
  const began = performance.now()
  await things.create(thing('x'))
  assert.ok(performance.now() - began < 5_000)
  const before = first.received.length
  await things.create(thing('x'))
  assert.equal(first.received.length, before, 'it stays with the other')
  finish()
  assert.equal(await text(running.body), 'late')
})

test('a server that neither answers nor refuses is passed over for another', async () => {
  const silent = createServer(() => {})
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  open.push(silent)
  const server = await serve(stream => respond(stream, 200, { items: [] }))
  const http = client([{ url: `https://127.0.0.1:${(silent.address() as AddressInfo).port}` }, server], { inOrder: true })
  const began = performance.now()
  await http.resource(thingKind).list()
  const tookMs = performance.now() - began
  assert.ok(tookMs > 900 && tookMs < 3_000, `took ${tookMs} ms`)
})

test('setServers() makes others known, and forgets those that are gone once they fail', async () => {
  const [old, fresh] = [
    await serve(stream => respond(stream, 200, { items: [] })),
    await serve(stream => respond(stream, 200, { items: [] })),
  ]
  const http = client([old])
  const things = http.resource(thingKind)
  await things.list()
  http.setServers([fresh.url])
  await things.list()
  assert.deepEqual([old.received.length, fresh.received.length], [2, 0], 'what serves is kept')
  old.close()
  await things.list()
  http.setServers([])
  await things.list()
  assert.equal(fresh.received.length, 2)
})

test('a write that was refused unread is sent again', async () => {
  const { things, first, second } = await pair()
  let refusals = 0
  first.answer = stream => {
    if (refusals++ === 0) stream.close(constants.NGHTTP2_REFUSED_STREAM)
    else respond(stream, 201, thing('x'))
  }
  await things.create(thing('x'))
  assert.equal(refusals, 2)
  assert.equal(second.received.length, 0)
})

test('after GOAWAY new requests go elsewhere while those under way finish', async () => {
  const { things, first, second } = await pair()
  let finish = () => {}
  const asked = new Promise<void>(resolve => {
    first.answer = stream => {
      finish = () => respond(stream, 200, thing('slow'))
      resolve()
    }
  })
  const slow = things.get({ namespace: 'ns', name: 'slow' })
  await asked
  for (const session of first.sessions) session.close()
  while (second.received.length === 0) {
    first.answer = stream => respond(stream, 200, { items: [] })
    await things.list()
    await setImmediate()
  }
  finish()
  assert.equal((await slow).metadata.name, 'slow')
})

test('a server that stops answering pings is left for another', async () => {
  const clock = new SteppedClock()
  const servers = [await serve(stream => respond(stream, 200, { items: [] })), await serve(stream => respond(stream, 200, { items: [] }))]
  const wires = await Promise.all(servers.map(server => startWire(server)))
  const http = client(wires, { clock })
  const things = http.resource(thingKind)
  await things.list()
  const used = servers.findIndex(({ received }) => received.length > 0)
  wires[used]?.freeze()
  const pinged = new Promise<void>(resolve => {
    clock.onSleep = ms => ms === 3_000 && resolve()
  })
  const list = things.list()
  await setImmediate()
  clock.step(1_000)
  await pinged
  clock.step(3_000)
  await list
  assert.equal(servers[1 - used]?.received.length, 1)
})

test('a call without an answer ends at its deadline or with its signal', async () => {
  const clock = new SteppedClock()
  const server = await serve(() => {})
  const http = client([server], { clock })
  const stop = new AbortController()
  const aborted = http.resource(thingKind).list({ signal: stop.signal })
  while (server.received.length < 1) await setImmediate()
  stop.abort(new Error('enough'))
  await assert.rejects(aborted, /enough/)
  const late = http.resource(thingKind).create(thing('x'))
  while (server.received.length < 2) await setImmediate()
  clock.step(30_000)
  await assert.rejects(late, err => isReason(err, 'Timeout') && /30 s/.test(err.message))
})

test('Retry-After is obeyed, three times at most', async () => {
  const clock = new SteppedClock()
  clock.onSleep = ms => ms === 2_000 && queueMicrotask(() => clock.step(2_000))
  const server = await serve(stream => respond(stream, 429, failure(429, 'TooManyRequests'), { 'retry-after': '2' }))
  const things = client([server], { clock }).resource(thingKind)
  await assert.rejects(things.list(), err => isReason(err, 'TooManyRequests'))
  assert.equal(server.received.length, 4)
  server.answer = stream => respond(stream, 429, failure(429, 'TooManyRequests'))
  await assert.rejects(things.list(), err => isReason(err, 'TooManyRequests'))
  assert.equal(server.received.length, 5, 'without the header it is final')
})

test('raw() gives any status and streams both ways', async () => {
  const server = await serve((stream, { body, headers }) => {
    stream.respond({ ':status': 418, 'x-echo': String(headers['x-own']) })
    stream.end(body.toUpperCase())
  })
  const http = client([server])
  const response = await http.raw({
    method: 'PUT',
    path: '/tea',
    query: { command: ['a', 'b'], tty: true },
    headers: { 'x-own': 'me' },
    body: Readable.from(['hel', 'lo']),
  })
  assert.equal(response.status, 418)
  assert.equal(response.headers['x-echo'], 'me')
  assert.equal(await text(response.body), 'HELLO')
  assert.equal(server.received[0]?.path, '/tea?command=a&command=b&tty=true')
})

test('an answer cut short is an error, not an end', async () => {
  const server = await serve(stream => {
    stream.respond({ ':status': 200 })
    stream.write('{"items":[', () => stream.destroy(new Error('gone')))
  })
  await assert.rejects(client([server]).resource(thingKind).list(), err => isReason(err, 'ServiceUnavailable'))
})

test('a closed client takes no more calls', async () => {
  const { http, things } = await pair()
  http.close()
  await assert.rejects(things.list(), /The client was closed/)
})

test('renewed credentials serve from the next request on, while what runs on the old ones goes on', async () => {
  let finish = () => {}
  const server = await serve((stream, { path }) => {
    const socket = stream.session?.socket as unknown as { getPeerCertificate(): { subject?: { CN: string } } }
    const answer = () => respond(stream, 200, { who: socket.getPeerCertificate().subject?.CN ?? 'nobody' })
    if (path === '/slow') finish = answer
    else answer()
  })
  const renewing = client([server])
  const ask = async (path: string) => JSON.parse(await text((await renewing.raw({ method: 'GET', path })).body)).who
  const slow = ask('/slow')
  assert.equal(await ask('/who'), 'nobody')
  renewing.renew({ certificateAuthority: certificates.authority, ...certificates.client })
  assert.equal(await ask('/who'), 'client')
  assert.equal(server.sessions.size, 2)
  finish()
  assert.equal(await slow, 'nobody')
  while (server.sessions.size > 1) await setImmediate()
})
