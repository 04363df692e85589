import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deletionOf, parseReplyTuples } from './tcp-flows.ts'

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
