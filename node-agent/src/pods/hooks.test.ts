import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '@davit/api'
import type { Docker } from '../docker/index.ts'
import { runHook } from './hooks.ts'
import { container } from './test-pods.ts'

describe('runHook()', () => {
  const server = createServer((_, response) => response.writeHead(404).end())
  before(() => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve)))
  after(() => server.close())
  const options = {
    docker: {} as Docker,
    clock: systemClock,
    id: 'none',
    container: container('main'),
    address: '127.0.0.1',
    timeoutMs: 2_000,
    signal: new AbortController().signal,
  }
  const port = () => (server.address() as AddressInfo).port

  it('is content with any answer by HTTP, and with a connection', async () => {
    await runHook({ httpGet: { port: port(), path: '/there-is-none' } }, options)
    await runHook({ tcpSocket: { port: port() } }, options)
  })
  it('fails where nobody answers', async () => {
    const nobody = { port: 1 }
    await assert.rejects(runHook({ httpGet: nobody }, options), /connect: connection refused/)
    await assert.rejects(runHook({ tcpSocket: nobody }, options), /connection refused/)
  })
  it('sleeps, though not longer than it may take', async () => {
    const began = performance.now()
    await runHook({ sleep: { seconds: 60 } }, { ...options, timeoutMs: 10 })
    assert.ok(performance.now() - began < 5_000)
  })
})
