import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '@davit/api'
import { podAmounts } from './pod-amounts.ts'

const container = (requests: Record<string, string>, limits: Record<string, string> = {}, more: Partial<Container> = {}): Container => ({
  name: 'x',
  image: 'x',
  resources: { requests, limits },
  ...more,
})

test('containers are counted together, init containers one at a time beside the sidecars before them', () => {
  const { requests, limits } = podAmounts({
    containers: [container({ cpu: '250m', memory: '64Mi' }, { cpu: '1' }), container({ cpu: '0.5' })],
    initContainers: [
      container({ cpu: '2' }),
      container({ cpu: '100m' }, { memory: '1Gi' }, { restartPolicy: 'Always' }),
      container({ cpu: '1', memory: '128Mi' }),
    ],
  })
  assert.deepEqual(requests, { cpu: '2', memory: '128Mi' })
  assert.deepEqual(limits, { cpu: '1', memory: '1Gi' })
})

test("what a pod's runtime takes is added where it is asked for, to limits only of what is limited", () => {
  const spec = { containers: [container({ cpu: '1' }, { memory: '1Gi' })], overhead: { cpu: '250m', memory: '64Mi' } }
  assert.deepEqual(podAmounts(spec, { overhead: true }), { requests: { cpu: '1250m', memory: '64Mi' }, limits: { memory: '1088Mi' } })
  assert.deepEqual(podAmounts(spec), { requests: { cpu: '1' }, limits: { memory: '1Gi' } })
})
