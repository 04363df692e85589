import assert from 'node:assert/strict'
import { it } from 'node:test'
import { parseSockets } from './drain.ts'

it('parseSockets() reads ports and states of IPv4 and IPv6 sockets', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0',
    '   1: 0200F40A:0050 0100F40A:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0',
    '   2: 0000000000000000FFFF00000200F40A:1F90 0000000000000000FFFF00000100F40A:C351 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0',
    '',
  ].join('\n')
  assert.deepEqual(parseSockets(table), [
    { port: 80, state: 0x0a },
    { port: 80, state: 0x01 },
    { port: 8080, state: 0x06 },
  ])
})
