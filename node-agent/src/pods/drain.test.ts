import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { it } from 'node:test'
import { type Pod, systemClock } from '@davit/api'
import { createDrain, parseSockets, type Socket } from './drain.ts'

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

const pod = { metadata: { name: 'web', namespace: 'default', uid: 'u' }, spec: { containers: [{ name: 'main' }] } } as unknown as Pod
const LISTENING: Socket = { port: 80, state: 0x0a }
const socket = (state: number): Socket[] => [LISTENING, { port: 80, state }]

/** Drains `pod`, whose sockets are one of `tables` after the other; gives what was done in which order. */
async function drainBy(tables: Socket[][]): Promise<string[]> {
  const done: string[] = []
  const drain = createDrain({
    client: {
      raw: async () => ({ status: 200, headers: {}, body: Readable.from([Buffer.from('{"resourceVersion":"7","unanswered":[]}')]) }),
    },
    clock: { ...systemClock, sleep: async ms => void done.push(`sleep ${ms}`) },
    log: { debug() {}, info() {}, warn: () => done.push('warn'), error() {} },
    unanswered() {},
    forgetClosed: async address => void done.push(`forget ${address}`),
    socketsOf: async () => tables.shift() ?? [LISTENING],
  })
  await drain(pod, { pid: 1, address: '10.244.0.5', graceMs: 30_000, signal: new AbortController().signal })
  return done
}

it('a drain looks again once what was on its way has come, and then has closed connections forgotten', async () => {
  assert.deepEqual(await drainBy([socket(0x01), socket(0x06), socket(0x03), socket(0x09), [LISTENING], socket(0x06)]), [
    'sleep 20',
    'sleep 100',
    'sleep 20',
    'sleep 100',
    'forget 10.244.0.5',
  ])
})

it('connections of other ports do not hold up a drain', async () => {
  assert.deepEqual(await drainBy([[LISTENING, { port: 40_000, state: 0x01 }]]), ['sleep 100', 'forget 10.244.0.5'])
})
