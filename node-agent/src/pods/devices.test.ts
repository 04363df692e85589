import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Container } from '@davit/api'
import { giveDevices, tooFewDevices } from './devices.ts'
import { container, pod } from './test-pods.ts'

const GPU = 'nvidia.com/gpu'
const devices = { [GPU]: ['0', '1', '2'] }
const wants = (name: string, count: number, fields: Partial<Container> = {}) =>
  container(name, { resources: { limits: { [GPU]: String(count) }, requests: { [GPU]: String(count) } }, ...fields })

describe('giveDevices()', () => {
  it('gives no device twice, in a pod or beside others', () => {
    const two = pod({ containers: [wants('a', 1), wants('b', 1), container('c')] })
    assert.deepEqual(giveDevices(two, devices, [{ x: { [GPU]: ['1'] } }]), { a: { [GPU]: ['0'] }, b: { [GPU]: ['2'] } })
  })
  it('lets containers have what an init container had before them, not what a sidecar keeps', () => {
    const of = (fields: Partial<Container>) => pod({ initContainers: [wants('first', 2, fields)], containers: [wants('a', 2)] })
    assert.deepEqual(giveDevices(of({}), devices, []), { first: { [GPU]: ['0', '1'] }, a: { [GPU]: ['0', '1'] } })
    assert.equal(giveDevices(of({ restartPolicy: 'Always' }), devices, []), undefined)
  })
  it('has none for what is free no more, and says so', () => {
    const taken = [{ x: { [GPU]: ['0', '1'] } }]
    const asks = pod({ containers: [wants('a', 2)] })
    assert.equal(giveDevices(asks, devices, taken), undefined)
    const words =
      'Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 2, Available: 1, which is unexpected'
    assert.equal(tooFewDevices(asks, devices, taken), words)
  })
})
