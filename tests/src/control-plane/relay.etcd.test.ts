/** A node whose agent reaches one replica only: the others reach it through that one. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { text } from 'node:stream/consumers'
import { after, before, it } from 'node:test'
import { connectHttp, type HttpClient, type Node, nodeKind, PATHS, type Pod, podKind } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'
import { clustersCertificate } from './certificates.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { type EtcdCluster, startEtcdCluster } from './etcd-cluster.ts'
import { until } from './until.ts'

const NODE = 'far'
const LOG_PATH = '/api/v1/namespaces/default/pods/p/log'

let etcd: EtcdCluster
let near: ControlPlane
let far: ControlPlane
let agent: HttpClient
let tunnel: WebSocket
/** What the agent answers to a request that came through its tunnel. */
let answer: (stream: ServerHttp2Stream, path: string) => void
before(async () => {
  etcd = await startEtcdCluster(1)
  near = await startControlPlane({ args: etcd.flags })
  far = await startControlPlane({ args: etcd.flags, besides: near })
  const { client } = near
  await client.resource(nodeKind).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } } as Node)
  const spec = { nodeName: NODE, containers: [{ name: 'main', image: 'x' }] }
  await client.resource(podKind).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec } as Pod)
  const credentials = await clustersCertificate(near, `/O=system:nodes/CN=system:node:${NODE}`)
  agent = connectHttp({ servers: [`https://127.0.0.1:${near.port}`], certificateAuthority: near.certificateAuthority, ...credentials })
  tunnel = await openTunnel()
})
after(async () => {
  tunnel?.terminate()
  agent?.close()
  await far?.[Symbol.asyncDispose]()
  await near?.[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
})

async function openTunnel(): Promise<WebSocket> {
  const socket = await agent.openWebSocket(PATHS.tunnel, {}, [], { server: `https://127.0.0.1:${near.port}` })
  const http = createServer()
  http.on('session', session => {
    session.on('error', () => {})
    socket.prependOnceListener('close', () => session.destroy())
  })
  http.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    answer(stream, String(headers[':path']))
  })
  http.emit(
    'connection',
    createWebSocketStream(socket).on('error', () => {}),
  )
  return socket
}

it('a log comes through the replica that has the tunnel, and a second one on the same way', async () => {
  answer = (stream, path) => {
    stream.respond({ ':status': 200 })
    stream.end(`asked for ${new URL(path, 'http://agent').pathname.split('/')[1]}`)
  }
  for (const plane of [near, far, far]) {
    const answered = await plane.ask({ path: LOG_PATH })
    assert.deepEqual([answered.code, answered.text], [200, 'asked for log'])
  }
  assert.equal(far.log.filter(({ msg }) => msg === 'Reaching a node through a peer').length, 1)
})

it('what the agent refuses is refused by every replica alike', async () => {
  answer = stream => {
    stream.respond({ ':status': 400, 'content-type': 'application/json' })
    stream.end(
      '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no such log","reason":"BadRequest","code":400}',
    )
  }
  for (const plane of [near, far]) {
    const { code, message } = await plane.ask({ path: LOG_PATH })
    assert.deepEqual([code, message], [400, 'no such log'])
  }
})

it('a client that goes away ends its request at the agent, and a tunnel that breaks ends what came through it', async () => {
  const ended = new Promise<void>(resolve => {
    answer = stream => {
      stream.once('close', resolve)
      stream.respond({ ':status': 200 })
      stream.write('begun\n')
    }
  })
  const leave = new AbortController()
  const { body } = await far.client.raw({ method: 'GET', path: `${LOG_PATH}?follow=true`, signal: leave.signal })
  body.on('error', () => {})
  await once(body, 'data')
  leave.abort()
  await ended

  answer = stream => {
    stream.respond({ ':status': 200 })
    stream.write('half of it')
  }
  const broken = await far.client.raw({ method: 'GET', path: `${LOG_PATH}?follow=true` })
  await once(broken.body, 'data')
  tunnel.terminate()
  await text(broken.body).catch(() => {})
})

it('without a tunnel anywhere the refusal names the node and since when, and a new tunnel is found', async () => {
  const refusal = await until('the tunnel to be gone', async () => {
    const { code, message } = await far.ask({ path: LOG_PATH })
    // The last session may just be breaking.
    return code === 503 && !message.includes('broke') && message
  })
  const peer = `"test-${near.port}" none since \\d{4}-\\d\\d-\\d\\dT[\\d:]+Z`
  assert.match(refusal, new RegExp(`^node "${NODE}" has no tunnel to any API server: this one has had none since it started, ${peer}$`))
  answer = stream => {
    stream.respond({ ':status': 200 })
    stream.end('back')
  }
  tunnel = await openTunnel()
  await until('the log to come', async () => (await far.ask({ path: LOG_PATH })).text === 'back')
})

it('only API servers may relay', async () => {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  }
  const { code, message } = await near.ask({ path: `${PATHS.relay}/${NODE}`, headers })
  assert.deepEqual([code, message], [403, 'forbidden: User "kubernetes-admin" cannot relay: only API servers can'])
  await assert.rejects(agent.openWebSocket(`${PATHS.relay}/${NODE}`, {}, []), { code: 403 })
})
