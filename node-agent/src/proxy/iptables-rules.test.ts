import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { EndpointSlice, Service } from '@davit/api'
import fc from 'fast-check'
import { MemoryIptables } from '../network/index.ts'
import type { ChainKey, RenderContext } from './iptables-rules.ts'
import { KernelRules } from './kernel.ts'
import { serviceKeyOf } from './objects.ts'
import { localAddresses, rules, servicePorts } from './rules.ts'
import { Ruleset } from './ruleset.ts'
import { outcomes } from './simulate.ts'
import { type EndpointState, endpoint, service, slice } from './test-objects.ts'

const context: RenderContext = { chainPrefix: 'DAVIT-', clusterCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/12' }
const node = { name: 'node-1', addresses: ['10.0.0.1'], dnsAddress: '10.96.0.10' }
const ownAddresses = ['10.0.0.1', '10.244.1.1', '10.96.0.10', '127.0.0.1']

function ruleset(services: readonly Service[], slices: readonly EndpointSlice[], set = new Ruleset(context)): Ruleset {
  for (const item of services) {
    const key = `${item.metadata.namespace}/${item.metadata.name}`
    const own = slices.filter(slice => serviceKeyOf(slice) === key)
    set.set(key, servicePorts(item, own, node), localAddresses(item, own, node))
  }
  return set
}

function chainsOf(set: Ruleset): Map<ChainKey, readonly string[]> {
  return new Map(
    set
      .chains()
      .sort()
      .map(chain => [chain, set.rules(chain) ?? []]),
  )
}

const world = {
  services: [
    service('web', { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }] }),
    service('sticky', { clusterIP: '10.96.0.21', sessionAffinity: 'ClientIP' }),
    service('empty', { clusterIP: '10.96.1.5', type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30081 }] }),
    service('local', {
      clusterIP: '10.96.0.22',
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      loadBalancerSourceRanges: ['192.0.2.0/24'],
      ports: [{ name: 'http', port: 8000, nodePort: 30082 }],
    }),
    service('dns', { clusterIP: '10.96.0.23', ports: [{ name: 'http', port: 53, protocol: 'UDP' }], externalIPs: ['203.0.113.9'] }),
  ],
  slices: [
    slice('web', [endpoint('10.244.1.5'), endpoint('10.244.2.5', 'node-2'), endpoint('10.244.3.5', 'node-3')]),
    slice('sticky', [endpoint('10.244.1.6'), endpoint('10.244.2.6', 'node-2')]),
    slice('local', [endpoint('10.244.1.7'), endpoint('10.244.2.7', 'node-2')]),
    slice('dns', [endpoint('10.244.1.8')], { ports: [{ name: 'http', port: 5353, protocol: 'UDP' }] }),
  ],
}

test('the rules of a small cluster are as the golden file has them', () => {
  const text = [...chainsOf(ruleset(world.services, world.slices))]
    .map(([chain, rules]) => [chain, ...rules.map(rule => `  ${rule}`)].join('\n'))
    .join('\n')
  const file = fileURLToPath(new URL('../../src/proxy/golden/small-cluster.rules', import.meta.url))
  if (process.env.DAVIT_UPDATE_GOLDEN) writeFileSync(file, `${text}\n`)
  assert.equal(`${text}\n`, readFileSync(file, 'utf8'))
})

const chains = chainsOf(ruleset(world.services, world.slices))
const to = (source: string, destination: string, port: number, protocol: 'tcp' | 'udp' = 'tcp') =>
  outcomes(chains, 'DAVIT-', { source, destination, port, protocol, ownAddresses }).map(
    ({ to, masqueraded }) => `${to}${masqueraded ? ' masqueraded' : ''}`,
  )
const web = ['10.244.1.5:8080', '10.244.2.5:8080', '10.244.3.5:8080']
const masqueraded = (list: string[]) => list.map(item => `${item} masqueraded`)
const outside = '192.0.2.50'

for (const [what, found, expected] of [
  ['a pod to a ClusterIP keeps its address', to('10.244.1.9', '10.96.0.20', 80), web],
  ['a caller outside to a ClusterIP is masqueraded', to('10.0.0.1', '10.96.0.20', 80), masqueraded(web)],
  ['a NodePort serves every endpoint', to(outside, '10.0.0.1', 30080), masqueraded(web)],
  ['a pod to a NodePort', to('10.244.1.9', '10.0.0.1', 30080), masqueraded(web)],
  ['127.0.0.1 has no NodePorts', to('127.0.0.1', '127.0.0.1', 30080), ['untouched']],
  ['another address has no NodePorts', to(outside, '10.0.0.2', 30080), ['untouched']],
  ['another port of a ClusterIP is refused', to('10.244.1.9', '10.96.0.20', 81), ['reject']],
  ['a Service without endpoints refuses', to('10.244.1.9', '10.96.1.5', 80), ['reject']],
  ['a NodePort without endpoints refuses', to(outside, '10.0.0.1', 30081), ['reject']],
  ['an address of no Service is refused', to('10.244.1.9', '10.99.9.9', 80), ['reject']],
  ['Local keeps the address of a caller outside', to(outside, '10.0.0.1', 30082), ['10.244.1.7:8080']],
  ['Local sends pods anywhere', to('10.244.3.9', '10.0.0.1', 30082), ['10.244.1.7:8080', '10.244.2.7:8080']],
  ['Local sends the node itself anywhere', to('10.0.0.1', '10.0.0.1', 30082), masqueraded(['10.244.1.7:8080', '10.244.2.7:8080'])],
  ['a LoadBalancer serves who may call', to(outside, '10.0.0.1', 8000), ['10.244.1.7:8080']],
  ['a LoadBalancer drops who may not', to('198.51.100.1', '10.0.0.1', 8000), ['drop']],
  ['an external address serves', to(outside, '203.0.113.9', 53, 'udp'), ['10.244.1.8:5353 masqueraded']],
  ['TCP does not reach a UDP port', to('10.244.1.9', '10.96.0.23', 53), ['reject']],
  ["this node's resolver is left alone", to('10.244.1.9', '10.96.0.10', 53, 'udp'), ['untouched']],
  ['what goes elsewhere is left alone', to('10.244.1.9', '192.0.2.1', 80), ['untouched']],
] as const) {
  test(`rendered rules: ${what}`, () => assert.deepEqual(found, expected))
}

/** Random Services of a few addresses, ports and endpoints; Services never share a frontend, as the API server sees to. */
const states = fc.constantFrom<EndpointState>('ready', 'ready', 'ready', 'terminating', 'gone', 'not-ready')
const endpoints = fc.uniqueArray(
  fc.record({ host: fc.integer({ min: 2, max: 30 }), node: fc.integer({ min: 1, max: 3 }), state: states }),
  {
    selector: ({ host, node }) => `${host}.${node}`,
    maxLength: 6,
  },
)
const anyService = fc.record({
  type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
  external: fc.constantFrom('Cluster', 'Local'),
  internal: fc.constantFrom('Cluster', 'Local'),
  affinity: fc.constantFrom('None', 'ClientIP'),
  protocol: fc.constantFrom('TCP', 'UDP'),
  endpoints,
})
const anyWorld = fc.array(anyService, { maxLength: 12 }).map(list => {
  const services = list.map(({ type, external, internal, affinity, protocol }, i) =>
    service(`s${i}`, {
      type,
      clusterIP: `10.${96 + (i % 2)}.${i % 3}.${20 + i}`,
      externalTrafficPolicy: external,
      internalTrafficPolicy: internal,
      sessionAffinity: affinity,
      ports: [{ name: 'http', port: 7000 + i, protocol, ...(type !== 'ClusterIP' && { nodePort: 30_000 + i }) }],
    }),
  )
  const slices = list.map(({ endpoints, protocol }, i) =>
    slice(
      `s${i}`,
      endpoints.map(({ host, node, state }) => endpoint(`10.244.${node}.${host}`, `node-${node}`, state)),
      { ports: [{ name: 'http', port: 8080, protocol }] },
    ),
  )
  return { services, slices }
})

test('every frontend leads to exactly its endpoints, for callers of every kind', () => {
  fc.assert(
    fc.property(anyWorld, ({ services, slices }) => {
      const chains = chainsOf(ruleset(services, slices))
      for (const { frontends, cluster, local, protocol } of rules(services, slices, node).ports) {
        for (const { address = '10.0.0.1', port, external, endpoints } of frontends) {
          for (const source of ['10.244.1.9', '10.0.0.1', outside]) {
            const isInside = source !== outside
            const expected = endpoints === 'cluster' || (external && isInside) ? cluster : local
            const found = outcomes(chains, 'DAVIT-', {
              source,
              destination: address,
              port,
              protocol: protocol as 'tcp' | 'udp',
              ownAddresses,
            })
            const verdict = cluster.length === 0 ? 'reject' : 'drop'
            assert.deepEqual(
              found.map(({ to }) => to),
              expected.length > 0 ? [...expected] : [verdict],
            )
            // Who is not of the cluster must get its answers through this node, unless the endpoint is on it.
            if (source === outside && expected.length > 0 && endpoints === 'cluster')
              assert.ok(found.every(({ masqueraded }) => masqueraded))
            if (external && endpoints === 'local' && source === outside) assert.ok(found.every(({ masqueraded }) => !masqueraded))
          }
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('whatever the order of changes and failures, the kernel ends with the rules of the last world', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ world: anyWorld, fails: fc.boolean(), full: fc.boolean() }), { minLength: 1, maxLength: 5 }),
      async steps => {
        const iptables = new MemoryIptables()
        for (const table of ['nat', 'filter'] as const) iptables.load(table, ':DOCKER -\n-A DOCKER -j RETURN')
        const set = new Ruleset(context)
        const kernel = new KernelRules(iptables, set, 'DAVIT-')
        await kernel.applyAll()
        let known: readonly Service[] = []
        let mustBeFull = false
        for (const { world, fails, full } of steps) {
          for (const old of known) set.set(`default/${old.metadata.name}`, [], [])
          ruleset(world.services, world.slices, set)
          known = world.services
          iptables.failNext = fails
          try {
            await (full || mustBeFull ? kernel.applyAll() : kernel.applyChanges())
            mustBeFull = false
          } catch {
            mustBeFull = true
          }
          iptables.failNext = false
        }
        if (mustBeFull) await kernel.applyAll()
        const expected = new MemoryIptables()
        for (const table of ['nat', 'filter'] as const) expected.load(table, ':DOCKER -\n-A DOCKER -j RETURN')
        const last = steps.at(-1)?.world
        await new KernelRules(expected, ruleset(last?.services ?? [], last?.slices ?? []), 'DAVIT-').applyAll()
        for (const table of ['nat', 'filter'] as const) assert.equal(await iptables.save(table), await expected.save(table))
        assert.deepEqual(await kernel.applyAll(), [])
      },
    ),
    { numRuns: 40 },
  )
})

test('one changed Service rewrites its own chain and nothing else', async () => {
  const iptables = new MemoryIptables()
  const set = ruleset(world.services, world.slices)
  const kernel = new KernelRules(iptables, set, 'DAVIT-')
  await kernel.applyAll()
  iptables.calls.length = 0
  ruleset([world.services[0]!], [slice('web', [endpoint('10.244.1.5')])], set)
  const written = await kernel.applyChanges()
  assert.equal(written.length, 1)
  assert.equal(iptables.calls.length, 1)
})

test('a kernel that words rules in its own way is not written to again and again', async () => {
  const iptables = new MemoryIptables()
  const save = iptables.save.bind(iptables)
  iptables.save = async table => (await save(table)).replaceAll(' -m tcp', '')
  const kernel = new KernelRules(iptables, ruleset(world.services, world.slices), 'DAVIT-')
  await kernel.applyAll()
  assert.deepEqual(await kernel.applyAll(), [])
})
