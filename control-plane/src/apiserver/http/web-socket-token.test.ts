import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReason } from '@davit/api'
import { withWebSocketToken } from './web-socket-token.ts'

const offer = (...protocols: string[]) => ({ 'sec-websocket-protocol': protocols.join(', ') })
const TOKEN = `base64url.bearer.authorization.k8s.io.${Buffer.from('a.b-c_d').toString('base64url')}`

test('a token among the subprotocols becomes a header and is offered no more', () => {
  const wanted = { ...offer('v4.channel.k8s.io', 'v5.channel.k8s.io'), authorization: 'Bearer a.b-c_d' }
  assert.deepEqual(withWebSocketToken(offer('v4.channel.k8s.io', TOKEN, 'v5.channel.k8s.io')), wanted)
  const both = withWebSocketToken({ ...offer(TOKEN, 'x'), authorization: 'Bearer other' })
  assert.deepEqual(both, { ...offer('x'), authorization: 'Bearer other' })
  for (const headers of [{}, offer('v4.channel.k8s.io'), offer('')]) assert.equal(withWebSocketToken(headers), headers)
})

test('a token without a subprotocol to speak, several, and one that is none are refused', () => {
  const empty = 'base64url.bearer.authorization.k8s.io.'
  for (const headers of [offer(TOKEN), offer(TOKEN, TOKEN, 'x'), offer(empty, 'x'), offer(`${empty}AAo`, 'x')])
    assert.throws(
      () => withWebSocketToken(headers),
      err => isReason(err, 'Unauthorized'),
    )
})
