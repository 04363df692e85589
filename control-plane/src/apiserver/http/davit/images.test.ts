import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { it } from 'node:test'
import { type Kind, nodeKind } from '@davit/api'
import { startFakeAgents } from '../testing/fake-agents.ts'
import { startTestServer } from '../testing/test-server.ts'
import type { ImageProgress } from './images.ts'

const KINDS = [nodeKind as unknown as Kind]

it('an image archive reaches every node whole, and each says how it went', async () => {
  const archive = randomBytes(5 * 1024 * 1024)
  const received = new Map<string, Buffer>()
  await using agents = await startFakeAgents({
    good: async (request, response) => {
      received.set('good', await buffer(request))
      response.writeHead(200).end('{"stream":"Loaded image: a"}\n')
    },
    // Takes its time over every chunk: the others must not be held up by more than that, and nothing may be lost.
    slow: async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) {
        chunks.push(chunk)
        await new Promise(resolve => setImmediate(resolve))
      }
      received.set('slow', Buffer.concat(chunks))
      response.writeHead(200).end()
    },
    full: (request, response) => {
      request.resume()
      response.writeHead(200).end('{"error":"no space left on device"}\n')
    },
    broken: (request, response) => {
      request.resume()
      response.writeHead(500).end('docker is away')
    },
    // Goes on for ever: what it says must neither be kept nor waited for.
    endless: (request, response) => {
      request.resume()
      response.writeHead(500)
      const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
      response.once('close', () => clearInterval(timer))
    },
  })
  const test = await startTestServer(KINDS, { tunnels: agents.tunnels })
  const answer = await test.call('PUT', '/davit/v1/images', { body: archive })
  await test[Symbol.asyncDispose]()

  assert.equal(answer.code, 200)
  const lines = answer.text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as ImageProgress)
  const last = Object.fromEntries(lines.map(({ node, status, error }) => [node, error ?? status]))
  assert.deepEqual(last, {
    good: 'loaded',
    slow: 'loaded',
    full: 'no space left on device',
    broken: 'the node answered 500: docker is away',
    endless: `the node answered 500: ${'x'.repeat(500)}`,
  })
  assert.ok(received.get('good')?.equals(archive))
  assert.ok(received.get('slow')?.equals(archive))
})

it('an image archive without a node to go to is refused', async () => {
  const test = await startTestServer(KINDS)
  const answer = await test.call('PUT', '/davit/v1/images', { body: Buffer.alloc(10) })
  await test[Symbol.asyncDispose]()
  assert.equal(answer.code, 503)
})
