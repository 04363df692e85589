import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, Pod, Service } from '@davit/api'
import fc from 'fast-check'
import { type Action, type Observed, planEndpointSlices } from './plan.ts'

function service(spec: Partial<NonNullable<Service['spec']>> = {}): Service {
  const ports = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' as const }]
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', uid: 's' },
    spec: { selector: { app: 'web' }, ports, ...spec },
  }
}

function pod(
  index: number,
  { ready = true, deleting = false, address = `10.244.1.${index}`, portNumber = 8080, phase = 'Running' as const } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${index}`, namespace: 'default', uid: `u${index}`, ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { nodeName: 'node-1', containers: [{ name: 'web', image: 'web', ports: [{ name: 'web', containerPort: portNumber }] }] },
    status: { phase, ...(address && { podIP: address }), conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

let made = 0
function apply(slices: readonly EndpointSlice[], actions: readonly Action[]): EndpointSlice[] {
  let next = [...slices]
  for (const action of actions) {
    if (action.kind === 'create-slice') next.push({ ...action.slice, metadata: { ...action.slice.metadata, name: `slice-${made++}` } })
    if (action.kind === 'update-slice')
      next = next.map(slice => (slice.metadata.name === action.slice.metadata.name ? action.slice : slice))
    if (action.kind === 'delete-slice') next = next.filter(slice => slice !== action.slice)
  }
  return next
}

const plan = (observed: Partial<Observed>) =>
  planEndpointSlices({ service: service(), pods: [], slices: [], nodes: new Map(), ...observed })
const settle = (observed: Partial<Observed>) => apply(observed.slices ?? [], plan(observed))

test('a pod that is being deleted but still serves stays, as terminating', () => {
  const [slice] = settle({ pods: [pod(1, { deleting: true })] })
  assert.deepEqual(slice?.endpoints?.[0]?.conditions, { ready: false, serving: true, terminating: true })
})

test('a pod without an address is no endpoint', () => {
  assert.deepEqual(settle({ pods: [pod(1, { address: '' })] })[0]?.endpoints, [])
})

test('publishNotReadyAddresses makes every endpoint ready', () => {
  const [slice] = settle({ service: service({ publishNotReadyAddresses: true }), pods: [pod(1, { ready: false })] })
  assert.equal(slice?.endpoints?.[0]?.conditions?.ready, true)
})

test('a named target port is the number each pod gives it', () => {
  const named = service({ ports: [{ port: 80, targetPort: 'web' }] })
  const slices = settle({ service: named, pods: [pod(1, { portNumber: 1111 }), pod(2, { portNumber: 2222 })] })
  assert.deepEqual(slices.map(slice => slice.ports?.[0]?.port).sort(), [1111, 2222])
})

test('a pod that comes or goes costs one write of one slice', () => {
  const pods = Array.from({ length: 150 }, (_, index) => pod(index))
  const slices = settle({ pods })
  assert.equal(slices.length, 2)
  const actions = plan({ pods: pods.slice(1), slices })
  assert.deepEqual(
    actions.map(action => action.kind),
    ['update-slice'],
  )
})

test('the last endpoint that goes leaves an empty slice, and nothing more is done', () => {
  const slices = settle({ pods: [], slices: settle({ pods: [pod(1)] }) })
  assert.deepEqual(
    slices.map(slice => slice.endpoints),
    [[]],
  )
  assert.deepEqual(plan({ slices }), [])
})

test('from any slices to any pods: one plan gives exactly the pods, and a second plan nothing', () => {
  const world = fc.uniqueArray(fc.integer({ min: 1, max: 250 }), { maxLength: 230 })
  fc.assert(
    fc.property(world, world, (before, after) => {
      const pods = after.map(index => pod(index))
      const slices = settle({ pods, slices: settle({ pods: before.map(index => pod(index)) }) })
      const addresses = slices.flatMap(slice => slice.endpoints ?? []).map(endpoint => endpoint.targetRef?.name)
      assert.deepEqual(addresses.sort(), pods.map(each => each.metadata.name).sort())
      assert.ok(slices.every(slice => (slice.endpoints ?? []).length <= 100))
      assert.deepEqual(plan({ pods, slices }), [])
    }),
    { numRuns: 40 },
  )
})
