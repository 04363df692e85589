/** What comes over a connection and is no proper request: refused or cut off, and the next request is answered as before. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { PATHS } from './manifests.ts'
import { assertSound, assertStatus } from './moves.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
})
after(async () => {
  assertSound(plane)
  await plane[Symbol.asyncDispose]()
})

describe('Headers', () => {
  it('beyond the limit are refused with 431 and a Status', async () => {
    assertStatus(await plane.ask({ path: PATHS.configMaps, headers: { 'x-long': 'x'.repeat(20_000) } }), 431)
  })

  it('beyond the limit end an HTTP/2 stream, and nothing else', async () => {
    const { certificate: cert, key } = plane.credentials
    const session = connectHttp2(`https://127.0.0.1:${plane.port}`, { ca: plane.certificateAuthority, cert, key })
    session.on('error', () => {})
    try {
      const stream = session.request({ ':path': '/version', 'x-long': 'x'.repeat(200_000) })
      const outcome = await Promise.race([
        once(stream, 'response').then(([headers]) => headers[':status']),
        once(stream, 'close').then(() => 'closed'),
      ]).catch(() => 'closed')
      assert.notEqual(outcome, 200)
    } finally {
      session.destroy()
    }
    assert.equal((await plane.ask({ path: '/version' })).code, 200)
  })

  it('that accept nothing we have are answered with 406', async () => {
    assertStatus(await plane.ask({ path: PATHS.configMaps, headers: { accept: 'image/png' } }), 406)
    assertStatus(await plane.ask({ path: PATHS.configMaps, headers: { accept: 'a/b;'.repeat(3000) } }), 406)
  })

  it('that impersonate groups of nobody are refused', async () => {
    assertStatus(await plane.ask({ path: PATHS.configMaps, headers: { 'impersonate-group': 'x' } }), 400)
  })
})

describe('What is not HTTP at all', () => {
  const noises: readonly [what: string, bytes: string | Buffer][] = [
    ['binary', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    ['half a request', 'GET /version HT'],
    ['two lengths', 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}'],
    [
      'a request inside a request',
      'POST /version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    ],
    ['a bad chunk', 'POST /version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['an upgrade to nothing known', 'GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: nonsense\r\n\r\n'],
    ['an upgrade of a list', `GET ${PATHS.pods}/x/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
  ]
  for (const [what, bytes] of noises) {
    it(`${what} does no harm`, async () => {
      const socket = connectTls({ host: '127.0.0.1', port: plane.port, ca: plane.certificateAuthority, ALPNProtocols: ['http/1.1'] })
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
      let said = ''
      socket.on('data', chunk => {
        said += String(chunk)
      })
      const ended = once(socket, 'close')
      socket.end(bytes)
      await ended
      assert.doesNotMatch(said, /^HTTP\/1\.1 (2|5)/)
      assert.equal((await plane.ask({ path: '/version' })).code, 200)
    })
  }
})
