import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, changeComplaints, complaints, statusComplaints } from '../testing.ts'
import { storageVersionMigrationKind as kind } from './storage-version-migration.ts'

const of = (resource: object) => ({ spec: { resource } })
const APPS = of({ group: 'apps', resource: 'deployments' })

test('a migration names a resource, which stays', () => {
  assert.deepEqual(
    [APPS, of({ group: '', resource: 'pods' })].flatMap(each => complaints(kind, each)),
    [],
  )
  assert.deepEqual(complaints(kind, of({ group: 'apps' })), ['spec.resource.resource: Required value: resource is required to be set'])
  assert.deepEqual(
    complaints(kind, of({ group: 'A', resource: 'B' })).map(line => line.split(' ')[0]),
    ['spec.resource.resource:', 'spec.resource.group:'],
  )
  assert.match(changeComplaints(kind, APPS, of({ group: 'apps', resource: 'daemonsets' })).join(), /^spec: .*field is immutable$/)
})

test('a migration ends in one way, and for good', () => {
  const at = '2026-01-02T03:04:05Z'
  const status = (types: string[], resourceVersion = '5') => ({
    ...APPS,
    status: {
      resourceVersion,
      conditions: types.map(type => ({ type, status: 'True', reason: 'Why', message: '', lastTransitionTime: at })),
    },
  })
  assert.deepEqual(statusComplaints(kind, APPS, status(['Running'])), [])
  assert.deepEqual(statusComplaints(kind, status(['Running']), status(['Succeeded'])), [])
  const refused: readonly [old: object, next: object, why: RegExp][] = [
    [APPS, status([], '05'), /resourceVersion: Invalid value: "05": resource version is not well formed: 05$/],
    [status([]), status([], '6'), /resourceVersion: Invalid value: "6": field is immutable$/],
    [APPS, status(['Succeeded', 'Failed']), /Both success and failed conditions cannot be true at the same time$/],
    [APPS, status(['Succeeded', 'Running']), /Running condition cannot be true when success condition is true$/],
    [APPS, status(['Failed', 'Running']), /Running condition cannot be true when failed condition is true$/],
    [status(['Succeeded']), status(['Running']), /Success condition cannot be set to false once it is true$/],
    [status(['Failed']), status([]), /Failed condition cannot be set to false once it is true$/],
  ]
  for (const [old, next, why] of refused) {
    const found = statusComplaints(kind, old, next)
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] ?? '', why)
  }
})

test('kubectl get shows the resource with its group', () => {
  assert.deepEqual(cells(kind, APPS), { Name: 'a', Resource: 'deployments.apps' })
  assert.equal(cells(kind, of({ resource: 'pods' })).Resource, 'pods')
})
