/** How many requests are served at once, and how long each may take: with real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { type FlowSchema, type Kind, type PriorityLevelConfiguration, podKind, systemClock } from '@davit/api'
import { createFlowControl } from '../flow-control/index.ts'
import { createMemoryRegistry } from './testing/memory-registry.ts'
import { type Answer, startTestServer, type TestServer } from './testing/test-server.ts'

const KINDS = [podKind as unknown as Kind]
const PODS = '/api/v1/namespaces/default/pods'

/** One seat for those of the group `few`, and a queue of one. */
const LEVEL: PriorityLevelConfiguration = {
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'PriorityLevelConfiguration',
  metadata: { name: 'few', uid: 'level-uid' },
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 5,
      borrowingLimitPercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: 1 } },
    },
  },
}
const SCHEMA: FlowSchema = {
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name: 'few', uid: 'schema-uid' },
  spec: {
    matchingPrecedence: 2,
    priorityLevelConfiguration: { name: 'few' },
    rules: [
      {
        subjects: [{ kind: 'Group', group: { name: 'few' } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }],
      },
    ],
  },
}

let test: TestServer
let held: Promise<void> | undefined
/** How many reads wait to be let go. */
let reading = 0
const flowControl = createFlowControl({ seats: 2, clock: systemClock })
const memory = createMemoryRegistry(KINDS)
const waiting = () => [...flowControl.stats.schemas()].find(({ name }) => name === 'few')?.waiting
const contexts = () => memory.contexts.length
before(async () => {
  flowControl.configure([SCHEMA], [LEVEL])
  memory.put(podKind as unknown as Kind, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' } })
  const registry = {
    ...memory,
    get: async (...args: Parameters<typeof memory.get>) => {
      reading++
      await held
      return memory.get(...args)
    },
    create: async (...args: Parameters<typeof memory.create>) => {
      await args[0].confirm?.()
      return memory.create(...args)
    },
  }
  const authorizer = {
    authorize: async () => ({ allowed: true, reason: '' }),
    rightsOf: () => ({ resourceRules: [], nonResourceRules: [] }),
  }
  test = await startTestServer(KINDS, { flowControl, registry, authorizer, patienceMs: 400 })
})
after(() => test[Symbol.asyncDispose]())

/** Reads wait until the function is called that it gives. */
function hold(): () => void {
  let release = () => {}
  held = new Promise(resolve => {
    release = resolve
  })
  reading = 0
  return () => {
    held = undefined
    release()
  }
}

// The masters may act as anybody, and here everybody may do all.
const FEW = { 'impersonate-user': 'ann', 'impersonate-group': 'few' }
const get = (headers: Record<string, string> = {}, query = ''): Promise<Answer> => test.call('GET', `${PODS}/a${query}`, { headers })

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 5))
}

describe('flow control of requests', () => {
  it('tells by which schema and level a request was judged', async () => {
    const { headers } = await get(FEW)
    assert.deepEqual([headers['x-kubernetes-pf-flowschema-uid'], headers['x-kubernetes-pf-prioritylevel-uid']], ['schema-uid', 'level-uid'])
  })

  it('serves what has a seat, lets the next wait and sends the others away, masters excepted', async () => {
    const release = hold()
    const served = get(FEW)
    await until(() => reading === 1)
    const waits = get(FEW)
    const refused = await get(FEW)
    assert.equal(refused.code, 429)
    assert.equal(refused.headers['retry-after'], '1')
    assert.deepEqual([refused.json.reason, refused.json.message], ['TooManyRequests', 'Too many requests, please try again later.'])
    assert.equal(refused.headers['x-kubernetes-pf-prioritylevel-uid'], 'level-uid')
    const admin = get()
    await until(() => reading === 2)
    release()
    assert.deepEqual([(await served).code, (await waits).code, (await admin).code], [200, 200, 200])
  })

  it('gives the seat of a client that leaves to the next, and forgets one that leaves its queue', async () => {
    const release = hold()
    const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
    const ask = () => session.request({ ':path': `${PODS}/a`, ...FEW }).on('error', () => {})
    const first = ask()
    await until(() => reading === 1)
    const second = ask()
    await until(() => waiting() === 1)
    second.close()
    await until(() => waiting() === 0)
    const third = get(FEW)
    await until(() => waiting() === 1)
    first.close()
    await until(() => reading === 2)
    release()
    assert.equal((await third).code, 200)
    session.destroy()
  })

  it('lets a watch keep its seat only until it stands', async () => {
    const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
    const watches = Array.from({ length: 5 }, () => session.request({ ':path': `${PODS}?watch=1`, ...FEW }))
    for (const watch of watches) {
      const [head] = (await once(watch, 'response')) as [Record<string, unknown>]
      assert.equal(head[':status'], 200)
      assert.equal(head['x-kubernetes-pf-flowschema-uid'], 'schema-uid')
    }
    assert.equal((await get(FEW)).code, 200)
    session.destroy()
  })
})

/** A connection on which these bytes were sent. */
async function send(bytes: string): Promise<TLSSocket> {
  const { certificate: cert, key } = test.pki.admin
  const socket = connect({ port: test.server.port, host: '127.0.0.1', ca: test.pki.ca.certificate, cert, key, ALPNProtocols: ['http/1.1'] })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  socket.write(bytes)
  return socket
}

/** All that comes until the server ends the connection. */
async function answerOn(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await once(socket, 'close')
  return text
}

const POST = (query: string) =>
  `POST ${PODS}${query} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`

describe('a request', () => {
  it('ends when its time is over, and nothing of it is left', async () => {
    const release = hold()
    const answer = await get(FEW, '?timeout=50ms')
    assert.equal(answer.code, 504)
    assert.deepEqual(
      [answer.json.reason, answer.json.message],
      ['Timeout', 'Timeout: request did not complete within the allotted timeout'],
    )
    // Its seat is free.
    const next = get(FEW)
    await until(() => reading === 2)
    release()
    assert.equal((await next).code, 200)
  })

  it('writes nothing after its time', async () => {
    const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
    const late = session.request({ ':method': 'POST', ':path': `${PODS}?timeout=50ms`, 'content-type': 'application/json' })
    const [head] = (await once(late, 'response')) as [Record<string, unknown>]
    assert.equal(head[':status'], 504)
    const written = contexts()
    late.end(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'late' } }))
    late.resume()
    await once(late, 'close')
    assert.equal((await test.call('GET', `${PODS}/late`)).code, 404)
    assert.equal(contexts(), written + 1)
    session.destroy()
  })

  it('is refused when it gives a time that is none', async () => {
    const answer = await get({}, '?timeout=soon')
    assert.equal(answer.code, 400)
    assert.equal(answer.json.message, 'invalid timeout specified in the request URL - time: invalid duration "soon"')
    assert.equal((await get({}, '?timeout=0')).code, 200)
    assert.equal((await get({}, '?timeout=999h')).code, 200)
  })

  it('whose body comes too slowly is answered in time, and its connection ended', async () => {
    const socket = await send(POST('?timeout=100ms'))
    const drip = setInterval(() => socket.write(' '), 50)
    const text = await answerOn(socket)
    clearInterval(drip)
    assert.match(text, /^HTTP\/1\.1 504 /)
    assert.match(text, /"reason":"Timeout"/)
  })

  it('of HTTP/2 whose body comes too slowly is ended too', async () => {
    const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
    const stream = session.request({ ':method': 'POST', ':path': `${PODS}?timeout=100ms`, 'content-type': 'application/json' })
    stream.on('error', () => {})
    stream.write('{')
    const drip = setInterval(() => stream.writable && stream.write(' '), 50)
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
    assert.equal(head[':status'], 504)
    stream.resume()
    await once(stream, 'close')
    clearInterval(drip)
    session.destroy()
  })

  it('whose head is too large is refused with 431', async () => {
    const text = await answerOn(await send(`GET /version HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`))
    assert.match(text, /^HTTP\/1\.1 431 /)
    assert.match(text, /"kind":"Status".*its headers are larger than 16 KiB/)
  })

  it('whose head never ends is refused with 408', async () => {
    const [head, nothing] = await Promise.all([send('GET /version HTTP/1.1\r\nHost: a\r\n'), send('')])
    const drip = setInterval(() => head.writable && head.write('X-A: b\r\n'), 50)
    const texts = await Promise.all([answerOn(head), answerOn(nothing)])
    clearInterval(drip)
    for (const text of texts) assert.match(text, /^HTTP\/1\.1 408 (?:.|\s)*its headers did not come in time/)
  })

  it('that never speaks TLS is cut off', async () => {
    const socket = connectPlain({ port: test.server.port, host: '127.0.0.1' })
    socket.on('error', () => {})
    await once(socket, 'close')
  })
})

it('a watch that is not read is cut off, whatever its client does then', async () => {
  const large = (i: number) => ({ metadata: { name: `large-${i}`, namespace: 'large', annotations: { a: 'x'.repeat(500_000) } } })
  for (let i = 0; i < 20; i++) memory.put(podKind as unknown as Kind, { apiVersion: 'v1', kind: 'Pod', ...large(i) })
  const socket = await send('GET /api/v1/namespaces/large/pods?watch=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  const context = memory.contexts.at(-1)
  if (!context?.signal?.aborted) await once(context!.signal!, 'abort')
  assert.match(String(context?.signal?.reason), /does not read/)
  await answerOn(socket.resume())
})
