import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { forwardRequest } from './index.ts'

/** Answers whatever it is sent with these bytes, and breaks a moment later. */
function breaking(answer: string): Duplex {
  const connection = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done()
      if (connection.readableFlowing === null) return
      connection.push(answer)
      setImmediate(() => connection.destroy(new Error('read ECONNRESET')))
    },
  })
  return connection
}

async function askThrough(answer: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const backend = { connect: async () => breaking(answer), path: '/' }
    await forwardRequest(request as never, response as never, { backend, signal: new AbortController().signal })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    return await text(session.request({ ':path': '/' }))
  } finally {
    session.destroy()
    server.close()
  }
}

test('an answer that is there is whole, even where its connection breaks after it', async () => {
  assert.equal(await askThrough('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello'), 'hello')
  assert.equal(await askThrough('HTTP/1.1 204 No Content\r\n\r\n'), '')
  assert.equal(await askThrough('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'), 'hello')
})

test('an answer whose connection breaks before its end is cut off', async () => {
  const broken = { code: 'ERR_HTTP2_STREAM_ERROR' }
  await assert.rejects(askThrough('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello'), broken)
  await assert.rejects(askThrough('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'), broken)
  await assert.rejects(askThrough('HTTP/1.1 200 OK\r\n\r\nhello'), broken)
})
