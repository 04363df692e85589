import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { COMMAND_PROTOCOLS, FORWARD_PROTOCOL, forwardConnection, runCommandStream } from './index.ts'

const http = createServer()
const server = new WebSocketServer({ server: http, handleProtocols: offered => [...offered][0] ?? false })
before(() => new Promise<void>(resolve => void http.listen(0, '127.0.0.1', resolve)))
after(() => {
  server.close()
  http.close()
})

/** Both ends of a WebSocket. */
async function pair(protocols: readonly string[]): Promise<{ client: WebSocket; remote: WebSocket }> {
  const accepted = once(server, 'connection') as Promise<[WebSocket]>
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, [...protocols])
  const [[remote]] = await Promise.all([accepted, once(client, 'open')])
  return { client, remote }
}

const frame = (channel: number, payload: string) => Buffer.concat([Buffer.from([channel]), Buffer.from(payload)])
const status = (fields: object) => frame(3, JSON.stringify({ apiVersion: 'v1', kind: 'Status', metadata: {}, ...fields }))

for (const [what, end, wanted] of [
  ['success', status({ status: 'Success' }), { ended: 'normally' }],
  [
    'an exit code',
    status({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } }),
    { ended: 'exit', exitCode: 3 },
  ],
  [
    'a failure',
    status({ status: 'Failure', reason: 'InternalError', message: 'no such program' }),
    { ended: 'failed', message: 'no such program' },
  ],
  ['nothing', undefined, { ended: 'normally' }],
] as const) {
  test(`runCommandStream() ends with ${what}`, async () => {
    const { client, remote } = await pair(COMMAND_PROTOCOLS)
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const result = runCommandStream(client, { stdout, stderr })
    remote.send(Buffer.from([1]))
    remote.send(frame(1, 'out'))
    remote.send(frame(2, 'err'))
    if (end) remote.send(end)
    remote.close(1000)
    assert.deepEqual(await result, wanted)
    assert.deepEqual([stdout.read()?.toString(), stderr.read()?.toString()], ['out', 'err'])
  })
}

test('runCommandStream() says when the connection was lost', async () => {
  const { client, remote } = await pair(COMMAND_PROTOCOLS)
  const result = runCommandStream(client, { stdout: new PassThrough(), stderr: new PassThrough() })
  remote.terminate()
  assert.equal((await result).ended, 'failed')
})

test('runCommandStream() sends stdin, its end, and the size of the terminal', async () => {
  const { client, remote } = await pair(COMMAND_PROTOCOLS)
  const messages: string[] = []
  remote.on('message', data => {
    const message = data as Buffer
    messages.push(message[0] === 255 ? `close ${message[1]}` : `${message[0]} ${message.subarray(1)}`)
    if (message[0] === 255) remote.close(1000)
  })
  const size = { read: () => ({ columns: 80, rows: 24 }), onChange: () => () => {} }
  await runCommandStream(client, {
    stdin: Readable.from([Buffer.from('typed')]),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    size,
  })
  assert.deepEqual(messages, ['4 {"Width":80,"Height":24}', '0 typed', 'close 0'])
})

test('runCommandStream() loses nothing to a slow reader', async () => {
  const { client, remote } = await pair(COMMAND_PROTOCOLS)
  const stdout = new PassThrough({ highWaterMark: 10 })
  const read = text(stdout)
  const result = runCommandStream(client, { stdout, stderr: new PassThrough() })
  for (let at = 0; at < 200; at++) remote.send(frame(1, `${at} ${'x'.repeat(1000)}\n`))
  remote.close(1000)
  await result
  stdout.end()
  const lines = (await read).trim().split('\n')
  assert.deepEqual([lines.length, lines[199]?.split(' ')[0]], [200, '199'])
})

async function localPair(): Promise<{ near: Socket; far: Socket }> {
  const listener = createTcpServer()
  await new Promise<void>(resolve => void listener.listen(0, '127.0.0.1', resolve))
  const accepted = once(listener, 'connection') as Promise<[Socket]>
  const near = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [far] = await accepted
  listener.close()
  return { near, far }
}

test('forwardConnection() carries bytes both ways, leaving out the port that comes first', async () => {
  const { client, remote } = await pair([FORWARD_PROTOCOL])
  const { near, far } = await localPair()
  const result = forwardConnection(far, client)
  for (const channel of [0, 1]) remote.send(Buffer.from([channel, 80, 0]))
  near.write('ping')
  const [message] = (await once(remote, 'message')) as [Buffer]
  assert.equal(message.toString(), '\u0000ping')
  remote.send(frame(0, 'pong'))
  remote.close()
  assert.equal(await text(near), 'pong')
  assert.equal(await result, undefined)
})

test('forwardConnection() ends the way to the pod when whoever wanted it has left already', async () => {
  const { client, remote } = await pair([FORWARD_PROTOCOL])
  const { near, far } = await localPair()
  near.destroy()
  far.destroy()
  await once(far, 'close')
  const closed = once(remote, 'close')
  await forwardConnection(far, client)
  await closed
})

test('forwardConnection() gives what went wrong in the pod', async () => {
  const { client, remote } = await pair([FORWARD_PROTOCOL])
  const { near, far } = await localPair()
  const result = forwardConnection(far, client)
  for (const channel of [0, 1]) remote.send(Buffer.from([channel, 80, 0]))
  remote.send(frame(1, 'connection refused'))
  remote.close()
  assert.equal(await result, 'connection refused')
  near.destroy()
})
