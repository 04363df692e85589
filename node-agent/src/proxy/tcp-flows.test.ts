import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deletionOf, endpointsGone, parseReplyTuples } from './tcp-flows.ts'

const LISTED = `tcp      6 67 TIME_WAIT src=10.0.0.1 dst=10.0.0.11 sport=44920 dport=30081 src=10.244.2.2 dst=10.0.0.12 sport=80 dport=1025 [ASSURED] mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.
`

test('a connection is named by its answers, never by its caller, whose port may be in use again', () => {
  const tuples = parseReplyTuples(LISTED)
  assert.deepEqual(tuples, [{ source: '10.244.2.2', sourcePort: 80, destination: '10.0.0.12', destinationPort: 1025 }])
  assert.equal(
    tuples
      .map(deletionOf)
      .map(message => message.toString('hex'))
      .join(),
    [
      // Length 72, DELETE, REQUEST; IPv4.
      '4800000002010100000000000000000002000000',
      '34000280',
      '14000180' + '08000100' + '0af40202' + '08000200' + '0a00000c',
      '1c000280' + '0500010006000000' + '0600020000500000' + '0600030004010000',
    ].join(''),
  )
})

test('an attempt to connect that has not been answered is named like any other', () => {
  const listed =
    'tcp      6 118 SYN_SENT src=10.0.0.1 dst=10.0.0.11 sport=44920 dport=30081 [UNREPLIED] src=10.244.2.2 dst=10.0.0.12 sport=80 dport=1025 mark=0 use=1'
  assert.deepEqual(parseReplyTuples(listed), [{ source: '10.244.2.2', sourcePort: 80, destination: '10.0.0.12', destinationPort: 1025 }])
})

test('endpoints are gone that a TCP port does not lead to any more', () => {
  const port = (id: string, protocol: 'tcp' | 'udp', cluster: string[]) => ({
    id,
    protocol,
    cluster,
    local: [],
    frontends: [],
    affinitySeconds: undefined,
  })
  const before = [port('a/web:80', 'tcp', ['10.0.0.1:80', '10.0.0.2:80']), port('a/dns:53', 'udp', ['10.0.0.3:53'])]
  assert.deepEqual(endpointsGone(before, [port('a/web:80', 'tcp', ['10.0.0.2:80', '10.0.0.4:80'])]), ['10.0.0.1:80'])
  assert.deepEqual(endpointsGone(before, []), ['10.0.0.1:80', '10.0.0.2:80'])
  assert.deepEqual(endpointsGone(before, before), [])
})
