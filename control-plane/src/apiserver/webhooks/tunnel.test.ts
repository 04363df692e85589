/** TLS to a pod's port through a real tunnel to its node: how webhooks behind Services are reached. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '@davit/api'
import { connectTls, createDialer, type Place } from '../dial/index.ts'
import { NODE, startCluster, type TestCluster } from '../streams/testing/cluster.ts'
import { postJson } from './post.ts'
import { startTestWebhook, type TestWebhook } from './testing/index.ts'

let cluster: TestCluster
let webhook: TestWebhook
const asked: string[] = []
beforeEach(async () => {
  cluster = await startCluster()
  webhook = await startTestWebhook(['hook.default.svc'])
  asked.length = 0
  // The agent joins the stream with the pod's port.
  cluster.handler = (stream, url) => {
    asked.push(url.pathname + url.search)
    const socket = connect(webhook.port, '127.0.0.1')
    socket.on('error', () => stream.destroy())
    stream.once('close', () => socket.destroy())
    stream.respond({ ':status': 200 })
    stream.pipe(socket).pipe(stream)
  }
})
afterEach(async () => {
  webhook.close()
  await cluster.close()
})

function dial(place: Place, signal: AbortSignal) {
  const lookups = { find: async () => undefined, all: async () => [] }
  return createDialer({ lookups, tunnels: cluster.tunnels, clock: systemClock }).dial(place, signal)
}

async function post(serverName: string, ca = Buffer.from(webhook.caBundle, 'base64').toString()): Promise<unknown> {
  const signal = AbortSignal.timeout(10_000)
  const socket = await connectTls(
    await dial({ address: '10.0.0.7', port: 8443, node: NODE }, signal),
    { serverName, ...(ca !== '' && { ca }) },
    signal,
  )
  try {
    const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', request: { uid: 'q', padding: 'x'.repeat(500_000) } })
    return await postJson({ url: new URL(`https://${serverName}:443/judge`), socket, body, signal })
  } finally {
    socket.destroy()
  }
}

test("a question goes to the pod's port and its answer comes back, whatever its size", async () => {
  webhook.answers.set('/judge', () => ({ warnings: ['y'.repeat(500_000)] }))
  const answer = (await post('hook.default.svc')) as { response: { allowed: boolean; warnings: string[] } }
  assert.deepEqual([answer.response.allowed, answer.response.warnings[0]?.length], [true, 500_000])
  assert.deepEqual(asked, ['/dial?address=10.0.0.7&port=8443'])
})

test('a pod with a certificate for another name is not believed', async () => {
  webhook.answers.set('/judge', () => ({}))
  await assert.rejects(post('other.default.svc'), /altnames/)
  assert.equal(webhook.asked.length, 0)
})

test('a pod with a certificate of an unknown authority is not believed', async () => {
  await assert.rejects(post('hook.default.svc', ''), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
  assert.equal(webhook.asked.length, 0)
})

test('a tunnel that breaks under the question is an error at once', async () => {
  webhook.answers.set('/judge', () => {
    cluster.cut()
    return undefined
  })
  await assert.rejects(post('hook.default.svc'))
})

test('a pod that hangs up at any moment is an error, and nothing worse', async () => {
  const handler = cluster.handler
  for (const afterBytes of [0, 1, 1000, 2000, 50_000, 200_000]) {
    cluster.handler = (stream, url) => {
      let bytes = 0
      handler(stream, url)
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > afterBytes) stream.end()
      })
    }
    await assert.rejects(post('hook.default.svc'))
  }
})

test('without a tunnel to the node nobody waits', async () => {
  await assert.rejects(dial({ address: '10.0.0.7', port: 8443, node: 'unknown' }, AbortSignal.timeout(10_000)), { code: 503 })
})

test('an answer that is none, or too long, is told so', async () => {
  webhook.answers.set('/judge', () => ({ warnings: ['y'.repeat(9 << 20)] }))
  await assert.rejects(post('hook.default.svc'), { message: 'the answer is longer than 8388608 bytes' })
})
