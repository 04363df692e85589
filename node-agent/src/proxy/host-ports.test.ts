import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type HostPort, HostPorts, renderHostPorts } from './host-ports.ts'

const port = (hostPort: number, change: Partial<HostPort> = {}): HostPort => ({
  hostIp: '127.0.0.4',
  hostPort,
  protocol: 'TCP',
  podAddress: '10.244.1.5',
  containerPort: 80,
  ...change,
})

test('renderHostPorts() leads addresses of this node to its pod', () => {
  assert.deepEqual(renderHostPorts([port(8080, { hostIp: undefined }), port(53, { hostIp: '10.0.0.1', protocol: 'UDP' })]), [
    '-d 10.0.0.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.5:80',
    '-p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.244.1.5:80',
  ])
})

test('claim() holds the ports, refuses taken ones whole, and release() gives them back', async () => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.4', resolve))
  const address = taken.address()
  const number = typeof address === 'object' && address ? address.port : 0
  const told: number[][] = []
  const hostPorts = new HostPorts(ports => void told.push(ports.map(({ hostPort }) => hostPort)))
  const udp = port(number, { protocol: 'UDP' })
  await assert.rejects(hostPorts.claim('a', [udp, port(number)]), /Cannot take host port 127\.0\.0\.4:\d+\/TCP: another program has it/)
  await hostPorts.claim('b', [udp])
  await assert.rejects(hostPorts.claim('c', [udp]))
  await new Promise(resolve => taken.close(resolve))
  await hostPorts.claim('a', [port(number)])
  hostPorts.release('b')
  assert.deepEqual(told, [[number], [number, number], [number]])
  hostPorts.close()
})
