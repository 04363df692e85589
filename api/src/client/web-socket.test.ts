import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocketServer } from 'ws'
import { isReason } from '../status.ts'
import { connectHttp } from './http-client.ts'
import { makeCertificates, startTestServer } from './test-server.ts'

test('openWebSocket() upgrades with the same credentials, loses no early message, and throws a refusal as its Status', async t => {
  const certificates = makeCertificates()
  const server = await startTestServer(certificates, () => {})
  const sockets = new WebSocketServer({ noServer: true })
  const asked: (string | undefined)[] = []
  server.server.on('upgrade', (request, socket, head) => {
    asked.push(request.url, request.headers.authorization)
    if (request.url?.startsWith('/no')) {
      const body = JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message: 'not you' })
      return socket.end(`HTTP/1.1 403 Forbidden\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
    }
    sockets.handleUpgrade(request, socket, head, webSocket => {
      webSocket.send('early')
      webSocket.on('message', data => webSocket.send(`echo ${data}`))
    })
  })
  const gone = await startTestServer(certificates, () => {})
  gone.close()
  const http = connectHttp({ servers: [gone.url, server.url], certificateAuthority: certificates.authority, token: 'secret' })
  t.after(() => {
    http.close()
    sockets.close()
    server.close()
  })

  const webSocket = await http.openWebSocket('/exec', { command: ['ls', '-l'] }, ['v5.channel.k8s.io'])
  const [early] = await once(webSocket, 'message')
  assert.equal(String(early), 'early')
  webSocket.send('hi')
  const [echo] = await once(webSocket, 'message')
  assert.equal(String(echo), 'echo hi')
  assert.equal(webSocket.protocol, 'v5.channel.k8s.io')
  webSocket.close()
  await once(webSocket, 'close')
  assert.deepEqual(asked, ['/exec?command=ls&command=-l', 'Bearer secret'])

  await assert.rejects(http.openWebSocket('/no', {}, []), err => isReason(err, 'Forbidden') && err.message === 'not you')
  const nowhere = connectHttp({ servers: [gone.url], certificateAuthority: certificates.authority })
  await assert.rejects(nowhere.openWebSocket('/exec', {}, []), err => isReason(err, 'ServiceUnavailable'))
})
