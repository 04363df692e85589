import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type EndpointSlice, type Logger, type Service, systemClock } from '@davit/api'
import { MemoryIptables } from '../network/index.ts'
import { MemoryInformer } from './memory-informer.ts'
import { startProxy } from './proxy.ts'
import { endpoint, service, slice } from './test-objects.ts'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const soon = () => AbortSignal.timeout(5_000)

function start(t: TestContext, dataPlane?: Parameters<typeof startProxy>[0]['dataPlane']) {
  const iptables = new MemoryIptables()
  const services = new MemoryInformer<Service>([service('web')])
  const endpointSlices = new MemoryInformer<EndpointSlice>([slice('web', [endpoint('10.244.1.5'), endpoint('10.244.2.5', 'node-2')])])
  const stop = new AbortController()
  const proxy = startProxy({
    services,
    endpointSlices,
    iptables,
    nodeName: 'node-1',
    nodeAddresses: ['10.0.0.1'],
    clusterCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/12',
    dnsAddress: '10.96.0.10',
    ...(dataPlane && { dataPlane }),
    log: quiet,
    clock: systemClock,
    signal: stop.signal,
  })
  // Timeouts of signals do not keep a process alive.
  const alive = setInterval(() => {}, 1_000)
  t.after(async () => {
    clearInterval(alive)
    stop.abort()
    await proxy.stopped
  })
  return { proxy, iptables, services, endpointSlices }
}

test('reached() resolves once the kernel has that version, not before', async t => {
  const { proxy, iptables, endpointSlices } = start(t)
  await proxy.reached(endpointSlices.cache.resourceVersion, soon())
  assert.match(await iptables.save('nat'), /10\.244\.1\.5:8080/)
  const version = endpointSlices.put(slice('web', [endpoint('10.244.2.5', 'node-2')]))
  await proxy.reached(version, soon())
  assert.doesNotMatch(await iptables.save('nat'), /10\.244\.1\.5:8080/)
  const later = String(Number(version) + 1)
  const waiting = proxy.reached(later, soon())
  endpointSlices.put(slice('other', []))
  await waiting
})

test('reached() stands through failures of iptables, and the problem is told', async t => {
  const { proxy, iptables, endpointSlices } = start(t)
  await proxy.reached(endpointSlices.cache.resourceVersion, soon())
  iptables.failNext = true
  const version = endpointSlices.put(slice('web', []))
  await proxy.reached(version, soon())
  assert.equal(proxy.problem, undefined)
  assert.match(await iptables.save('filter'), /-d 10\.96\.0\.20\/32 .*tcp-reset/)
})

test('reached() waits for the data plane too, and gives up when told', async t => {
  let release = () => {}
  const heard: string[] = []
  const { proxy, endpointSlices } = start(t, {
    serviceChanged: key => void heard.push(key),
    flush: () => new Promise(resolve => (release = resolve)),
  })
  await assert.rejects(proxy.reached(endpointSlices.cache.resourceVersion, AbortSignal.timeout(200)))
  assert.deepEqual(heard, ['default/web'])
  const waiting = proxy.reached(endpointSlices.cache.resourceVersion, soon())
  release()
  await waiting
})

test('recheck() puts back what somebody flushed', async t => {
  const { proxy, iptables, endpointSlices } = start(t)
  await proxy.reached(endpointSlices.cache.resourceVersion, soon())
  const before = await iptables.save('nat')
  iptables.load('nat', '')
  proxy.recheck()
  await proxy.reached(endpointSlices.put(slice('other', [])), soon())
  assert.equal(await iptables.save('nat'), before)
})

test('a Service that goes takes its rules along, also when its slices go later', async t => {
  const { proxy, iptables, services, endpointSlices } = start(t)
  await proxy.reached(endpointSlices.cache.resourceVersion, soon())
  services.delete('default/web')
  await proxy.reached(endpointSlices.delete('default/web-x'), soon())
  assert.doesNotMatch(await iptables.save('nat'), /10\.96\.0\.20|10\.244/)
})
