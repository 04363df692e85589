import assert from 'node:assert/strict'
import type { ServerHttp2Stream } from 'node:http2'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { listeningLog, type Thing, thingKind } from '../informer/fake-api.ts'
import { startInformer } from '../informer/start-informer.ts'
import { isReason } from '../status.ts'
import { connectHttp } from './http-client.ts'
import { makeCertificates, respond, startTestServer } from './test-server.ts'
import { parseWatch, splitLines } from './watch-stream.ts'

async function* chunksOf(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

async function all<V>(values: AsyncIterable<V>): Promise<V[]> {
  const got: V[] = []
  for await (const value of values) got.push(value)
  return got
}

test('splitLines() gives the same lines wherever the chunks end', async () => {
  const lines = ['{"a":"é€😀"}', '', 'x'.repeat(50), '{"b":1}']
  for (let size = 1; size < 90; size++) assert.deepEqual(await all(splitLines(chunksOf(`${lines.join('\n')}\n`, size))), lines)
})

test('splitLines() takes time in proportion to a line, however many chunks it comes in', async () => {
  const [line] = await all(splitLines(chunksOf(`${'x'.repeat(8 << 20)}\n`, 1024)))
  assert.equal(line?.length, 8 << 20)
})

test('parseWatch() throws what an ERROR event holds, and on a torn event', async () => {
  const error = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'
  await assert.rejects(all(parseWatch(chunksOf(error, 20))), err => isReason(err, 'Expired') && err.message === 'too old')
  await assert.rejects(all(parseWatch(chunksOf('{"type":"ADD', 20))), err => isReason(err, 'ServiceUnavailable'))
  await assert.rejects(all(parseWatch(chunksOf('{nonsense}\n', 20))), err => isReason(err, 'ServiceUnavailable'))
})

const certificates = makeCertificates()

async function watched(t: { after(fn: () => void): void }, onWatch: (stream: ServerHttp2Stream, path: string) => void) {
  const server = await startTestServer(certificates, (stream, { path }) => {
    if (!path.includes('watch=1')) return respond(stream, 200, { metadata: { resourceVersion: '10' }, items: [] })
    stream.respond({ ':status': 200 })
    onWatch(stream, path)
  })
  const http = connectHttp({ servers: [server.url], certificateAuthority: certificates.authority })
  t.after(() => {
    http.close()
    server.close()
  })
  return { http, server, things: http.resource(thingKind) }
}

const event = (type: string, resourceVersion: number, value: unknown = 1) =>
  `${JSON.stringify({ type, object: { kind: 'Thing', metadata: { namespace: 'ns', name: 'x', uid: 'u', resourceVersion: `${resourceVersion}` }, spec: { group: 'a', value } } })}\n`

test('watch() asks as Kubernetes does, gives events as they come and ends when the server ends it', async t => {
  const paths: string[] = []
  const { things } = await watched(t, (stream, path) => {
    paths.push(path)
    stream.write(event('ADDED', 11))
    stream.end(event('BOOKMARK', 12))
  })
  const events = await all(
    things.watch({ namespace: 'ns', resourceVersion: '10', allowWatchBookmarks: true, timeoutSeconds: 60, fieldSelector: 'a=b' }),
  )
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.metadata.resourceVersion]),
    [
      ['ADDED', '11'],
      ['BOOKMARK', '12'],
    ],
  )
  assert.deepEqual(paths, [
    '/api/v1/namespaces/ns/things?watch=1&fieldSelector=a%3Db&resourceVersion=10&allowWatchBookmarks=true&timeoutSeconds=60',
  ])
})

test('watch() fails when the connection breaks, and closes the stream when its reader leaves', async t => {
  let closed = false
  const { things, server } = await watched(t, stream => {
    stream.on('close', () => {
      closed = true
    })
    stream.write(event('ADDED', 11))
  })
  for await (const _ of things.watch()) break
  while (!closed) await setImmediate()
  const broken = things.watch()[Symbol.asyncIterator]()
  await broken.next()
  for (const session of server.sessions) session.destroy()
  await assert.rejects(broken.next(), err => isReason(err, 'ServiceUnavailable'))

  const stop = new AbortController()
  const aborted = things.watch({ signal: stop.signal })[Symbol.asyncIterator]()
  await aborted.next()
  const next = aborted.next()
  stop.abort(new Error('enough'))
  await assert.rejects(next, /enough/)
})

test('a slow reader holds up the server, not our memory, and other calls go on', async t => {
  const big = 'x'.repeat(100_000)
  let written = 0
  let isHeldUp = false
  const { things } = await watched(t, stream => {
    const fill = () => {
      if (stream.destroyed) return
      written += 1
      if (stream.write(event('ADDED', 10 + written, big))) void setImmediate().then(fill)
      else {
        const timer = setTimeout(() => {
          isHeldUp = true
        }, 200)
        stream.once('drain', () => {
          clearTimeout(timer)
          fill()
        })
      }
    }
    fill()
  })
  const reader = things.watch()[Symbol.asyncIterator]()
  await reader.next()
  while (!isHeldUp) await new Promise(resolve => setTimeout(resolve, 20))
  assert.ok(written < 50, `${written} events of 100 kB were taken`)
  await things.list()
  for (let i = 0; i < 100; i++) await reader.next()
  assert.ok(written > 100)
  await reader.return?.()
})

test('an informer follows a real server through broken sessions', async t => {
  let version = 10
  const streams = new Set<ServerHttp2Stream>()
  const { http, server } = await watched(t, stream => {
    streams.add(stream)
    stream.on('close', () => streams.delete(stream))
  })
  const stop = new AbortController()
  t.after(() => stop.abort())
  const informer = startInformer<Thing>(http, thingKind, { signal: stop.signal, log: listeningLog() })
  await informer.synced
  for (let round = 0; round < 3; round++) {
    while (streams.size === 0) await setImmediate()
    const reached = informer.reached(String(++version))
    for (const stream of streams) stream.write(event('MODIFIED', version, round))
    await reached
    assert.equal(informer.cache.get('ns/x')?.spec.value, round)
    for (const session of server.sessions) session.destroy()
    while (streams.size > 0) await setImmediate()
  }
})
