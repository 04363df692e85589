import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KubernetesObject } from '@davit/api'
import type { StorageEvent, Stored } from '../../storage/index.ts'
import { SliceView } from './slices.ts'

const END: StorageEvent = { type: 'bookmark', revision: 1, initialEventsEnd: true }

const slice = (name: string, revision: number, service: string, pods: Record<string, 'serving' | 'terminating'>): Stored => {
  const endpoints = Object.entries(pods).map(([uid, state]) => ({
    addresses: ['10.244.0.2'],
    conditions: { ready: state === 'serving', terminating: state === 'terminating' },
    targetRef: { kind: 'Pod', uid },
  }))
  const object = { metadata: { name, labels: { 'kubernetes.io/service-name': service } }, endpoints } as unknown as KubernetesObject
  return { key: `/${name}`, revision, object, bytes: Buffer.alloc(0) }
}
const view = (...services: string[]) => new SliceView({ podUid: 'me', services: new Set(services) })
const added = (stored: Stored): StorageEvent => ({ type: 'added', stored })

describe('SliceView', () => {
  it('knows nothing before it has seen every slice', () => {
    const seen = view('web')
    seen.apply([added(slice('a', 5, 'web', { other: 'serving' }))])
    assert.equal(seen.drainedAt(), undefined)
  })

  it('says none when no slice ever offered the pod and no Service selects it', () => {
    const seen = view()
    seen.apply([added(slice('a', 5, 'other', { other: 'serving' })), END])
    assert.equal(seen.drainedAt(), '')
  })

  it('waits while a slice offers the pod, and gives the version from which none does', () => {
    const seen = view('web', 'api')
    seen.apply([added(slice('a', 5, 'web', { me: 'serving' })), added(slice('b', 6, 'api', { me: 'serving' })), END])
    assert.equal(seen.drainedAt(), undefined)
    seen.apply([{ type: 'modified', stored: slice('a', 8, 'web', { me: 'terminating' }) }])
    assert.equal(seen.drainedAt(), undefined)
    seen.apply([{ type: 'modified', stored: slice('b', 9, 'api', {}) }])
    assert.equal(seen.drainedAt(), '9')
  })

  it('takes a slice that is gone as one that does not offer the pod', () => {
    const seen = view('web')
    seen.apply([added(slice('a', 5, 'web', { me: 'serving' })), END])
    seen.apply([{ type: 'deleted', stored: slice('a', 7, 'web', {}) }])
    assert.equal(seen.drainedAt(), '7')
  })
})
