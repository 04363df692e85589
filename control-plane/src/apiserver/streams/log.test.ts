import assert from 'node:assert/strict'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { ApiError, apiError } from '@davit/api'
import { WebSocket } from 'ws'
import { pod, startCluster, type TestCluster } from './testing/cluster.ts'

let cluster: TestCluster
let stop: AbortController
beforeEach(async () => {
  cluster = await startCluster()
  stop = new AbortController()
  cluster.pods.set('web', pod('web'))
})
afterEach(() => cluster.close())

function read(query: string) {
  const call = { user: { name: 'a', groups: [] }, namespace: 'default', name: 'web', subresource: 'log', query: new URLSearchParams(query) }
  return cluster.streams.log(call, stop.signal)
}

test('a log comes as the node sends it, with the options it was asked with', async () => {
  let asked: URL | undefined
  cluster.handler = (stream, url) => {
    asked = url
    stream.respond({ ':status': 200 })
    stream.end('one\ntwo\n')
  }
  assert.equal(await text(await read('tailLines=2&timestamps=true&container=main&pretty=true')), 'one\ntwo\n')
  assert.equal(`${asked?.pathname}${asked?.search}`, '/log/default/web/uid-web/main?tailLines=2&timestamps=true')
})

test("the node's refusal is thrown", async () => {
  cluster.handler = stream => {
    const { status } = apiError('BadRequest', 'container "main" in pod "web" is waiting to start: ContainerCreating')
    stream.respond({ ':status': 400 })
    stream.end(JSON.stringify(status))
  }
  await assert.rejects(read(''), (err: unknown) => err instanceof ApiError && err.code === 400 && /ContainerCreating/.test(err.message))
})

test('a pod that waits for a node has an empty log', async () => {
  cluster.pods.set('web', pod('web', { spec: { nodeName: '' } }))
  assert.equal(await text(await read('')), '')
})

test('options that make no sense are refused before anybody asks for the pod', async () => {
  cluster.pods.delete('web')
  await assert.rejects(read('sinceSeconds=0'), { code: 422, message: /sinceSeconds: Invalid value: 0: must be greater than 0$/ })
})

test('a log that breaks off fails instead of ending', async () => {
  cluster.handler = stream => {
    stream.respond({ ':status': 200 })
    stream.write('one\n')
  }
  const log = await read('follow=true')
  const chunks: string[] = []
  await assert.rejects(async () => {
    for await (const chunk of log) {
      chunks.push(String(chunk))
      cluster.cut()
    }
  }, /broke before the log ended/)
  assert.deepEqual(chunks, ['one\n'])
})

test('who stops reading ends the work of the node', async () => {
  const gone = new Promise<void>(resolve => {
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.write('one\n')
      stream.once('close', () => resolve())
    }
  })
  const log = await read('follow=true')
  log.destroy()
  await gone
})

test('an aborted request ends the work of the node', async () => {
  const gone = new Promise<void>(resolve => {
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.once('close', () => resolve())
    }
  })
  const log = await read('follow=true')
  log.on('error', () => {})
  stop.abort()
  await gone
})

for (const [protocols, wanted, messages] of [
  [[], '', ['one\n', 'two\n']],
  [['binary.k8s.io'], 'binary.k8s.io', ['one\n', 'two\n']],
  [['base64.binary.k8s.io'], 'base64.binary.k8s.io', ['b25lCg==', 'dHdvCg==']],
] as const)
  test(`a log over a WebSocket that offers [${protocols}] comes as messages`, async () => {
    let proceed = () => {}
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.write('one\n')
      proceed = () => stream.end('two\n')
    }
    const socket = new WebSocket(`ws://127.0.0.1:${cluster.port}/web/log?follow=true`, [...protocols], { perMessageDeflate: false })
    const received: string[] = []
    socket.on('message', (data: Buffer) => {
      received.push(data.toString())
      proceed()
    })
    const [code] = await once(socket, 'close')
    assert.equal(code, 1000)
    assert.equal(socket.protocol, wanted)
    assert.deepEqual(received, messages)
  })

test('a client that leaves the WebSocket of a log ends the work of the node', async () => {
  const gone = new Promise<void>(resolve => {
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.write('one\n')
      stream.once('close', () => resolve())
    }
  })
  const socket = new WebSocket(`ws://127.0.0.1:${cluster.port}/web/log?follow=true`, [], { perMessageDeflate: false })
  await once(socket, 'message')
  socket.terminate()
  await gone
})
