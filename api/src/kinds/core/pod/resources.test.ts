import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Quantity } from '../../../meta.ts'
import type { Container } from './container-types.ts'
import { podQosClass, podResourceRequests } from './resources.ts'

type Amounts = Record<string, Quantity>

function container(requests: Amounts = {}, limits: Amounts = {}, more: Partial<Container> = {}): Container {
  return { name: 'c', image: 'i', resources: { requests, limits }, ...more }
}
const sidecar = (requests: Amounts) => container(requests, {}, { restartPolicy: 'Always' })

test('podResourceRequests() adds up containers and overhead', () => {
  const spec = {
    containers: [container({ cpu: '250m', memory: '64Mi' }), container({ cpu: 0.5, 'example.com/gpu': '2' })],
    overhead: { cpu: '10m', memory: '1Mi' },
  }
  assert.deepEqual(podResourceRequests({ spec }), {
    milliCpu: 760,
    memoryBytes: 65 * 2 ** 20,
    ephemeralStorageBytes: 0,
    extended: { 'example.com/gpu': 2 },
  })
})

test('podResourceRequests() counts the largest init container if that is more', () => {
  const containers = [container({ cpu: '1', memory: '10Mi' })]
  const spec = { containers, initContainers: [container({ cpu: '2' }), container({ cpu: '500m', memory: '5Mi' })] }
  const { milliCpu, memoryBytes } = podResourceRequests({ spec })
  assert.deepEqual([milliCpu, memoryBytes], [2000, 10 * 2 ** 20])
})

test('podResourceRequests() counts sidecars beside what runs after them', () => {
  const containers = [container({ cpu: '1' })]
  const before = { containers, initContainers: [sidecar({ cpu: '300m' }), container({ cpu: '2' })] }
  assert.equal(podResourceRequests({ spec: before }).milliCpu, 2300)
  const after = { containers, initContainers: [container({ cpu: '1' }), sidecar({ cpu: '300m' })] }
  assert.equal(podResourceRequests({ spec: after }).milliCpu, 1300)
})

const both = { cpu: '1', memory: '1Gi' }
const classes: [string, Container[], Container[], string][] = [
  ['nothing asked', [container()], [], 'BestEffort'],
  ['zeros asked', [container({ cpu: 0 })], [], 'BestEffort'],
  ['other resources asked', [container({ 'example.com/gpu': 1 }, { 'example.com/gpu': 1 })], [], 'BestEffort'],
  ['requests equal limits', [container(both, both)], [], 'Guaranteed'],
  ['equal in another notation', [container({ cpu: '1000m', memory: '1024Mi' }, both)], [], 'Guaranteed'],
  ['requests below limits', [container({ cpu: '500m', memory: '1Gi' }, both)], [], 'Burstable'],
  ['only CPU limited', [container({ cpu: 1 }, { cpu: 1 })], [], 'Burstable'],
  ['one container of two', [container(both, both), container()], [], 'Burstable'],
  ['init container without limits', [container(both, both)], [container()], 'Burstable'],
]
for (const [name, containers, initContainers, wanted] of classes) {
  test(`podQosClass() with ${name}: ${wanted}`, () => assert.equal(podQosClass({ spec: { containers, initContainers } }), wanted))
}
