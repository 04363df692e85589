/** What holds for DaemonSets, and for the states that are kept of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorBody } from '../../status.ts'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { controllerRevisionKind } from './controller-revision.ts'
import { daemonSetKind } from './daemon-set.ts'

const template = (spec: object = {}, labels: object = { app: 'log' }) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'log', image: 'busybox:1.36' }], ...spec },
})
const daemonSet = (spec: object = {}, rest: object = {}) => ({
  spec: { selector: { matchLabels: { app: 'log' } }, template: template(), ...spec },
  ...rest,
})
const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } })

test('a DaemonSet gets the defaults of Kubernetes', () => {
  const { spec, status } = stored(daemonSetKind, daemonSet())
  assert.equal(spec.revisionHistoryLimit, 10)
  assert.deepEqual(spec.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } })
  assert.equal(spec.template.spec.restartPolicy, 'Always')
  assert.deepEqual(status, { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 })
  const onDelete = stored(daemonSetKind, daemonSet({ updateStrategy: { type: 'OnDelete' } }))
  assert.deepEqual(onDelete.spec.updateStrategy, { type: 'OnDelete' })
})

const AT = 'spec.updateStrategy.rollingUpdate'
const CASES: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [rolling({ maxUnavailable: 0, maxSurge: '30%' }), []],
  [rolling({ maxUnavailable: 0, maxSurge: '0%' }), [`${AT}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0`]],
  [rolling({ maxUnavailable: '100%', maxSurge: 1 }), [`${AT}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero`]],
  [rolling({ maxUnavailable: '101%' }), [`${AT}.maxUnavailable: Invalid value: "101%": must not be greater than 100%`]],
  [rolling({ maxUnavailable: -1 }), [`${AT}.maxUnavailable: Invalid value: -1: must be greater than or equal to 0`]],
  [
    { updateStrategy: { type: 'Big' } },
    ['spec.updateStrategy.type: Unsupported value: "Big": supported values: "OnDelete", "RollingUpdate"'],
  ],
  [{ minReadySeconds: -1 }, ['spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0']],
  [{ revisionHistoryLimit: -1 }, ['spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0']],
  [{ selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset']],
  [
    { selector: null },
    [
      'spec.template.metadata.labels: Invalid value: {"app":"log"}: `selector` does not match template `labels`',
      'spec.selector: Required value',
    ],
  ],
  [
    { template: template({}, { app: 'x' }) },
    ['spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'],
  ],
  [
    { template: template({ restartPolicy: 'OnFailure', activeDeadlineSeconds: 5 }) },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported',
    ],
  ],
]
for (const [spec, wanted] of CASES) {
  test(`DaemonSet ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(daemonSetKind, daemonSet(spec)), wanted)
  })
}

test('the selector of a DaemonSet stays, and its numbers are none below zero', () => {
  const other = daemonSet({ selector: { matchLabels: { app: 'x' } }, template: template({}, { app: 'x' }) })
  assert.deepEqual(changeComplaints(daemonSetKind, daemonSet(), other), [
    'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
  ])
  const status = { numberReady: -1, collisionCount: 1 }
  const old = stored(daemonSetKind, daemonSet({}, { status: { collisionCount: 2 } }))
  const errors = daemonSetKind.validateStatus?.(stored(daemonSetKind, daemonSet({}, { status })), old) ?? []
  assert.deepEqual(
    errors.map(error => `${error.field}: ${fieldErrorBody(error)}`),
    [
      'status.numberReady: Invalid value: -1: must be greater than or equal to 0',
      'status.collisionCount: Invalid value: 1: cannot be decremented',
    ],
  )
})

test('kubectl get shows DaemonSets as with Kubernetes', () => {
  const metadata = { name: 'log', creationTimestamp: '2026-01-01T00:00:00Z' }
  const status = { desiredNumberScheduled: 3, currentNumberScheduled: 2, numberReady: 1, updatedNumberScheduled: 2, numberAvailable: 1 }
  const raw = { metadata, ...daemonSet({ template: template({ nodeSelector: { disk: 'ssd' } }) }), status }
  assert.deepEqual(cells(daemonSetKind, raw, Date.parse('2026-01-01T00:00:30Z')), {
    Name: 'log',
    Desired: 3,
    Current: 2,
    Ready: 1,
    'Up-to-date': 2,
    Available: 1,
    'Node Selector': 'disk=ssd',
    Age: '30s',
    Containers: 'log',
    Images: 'busybox:1.36',
    Selector: 'app=log',
  })
})

test('a ControllerRevision keeps what it holds', () => {
  const revision = { data: { spec: { template: { $patch: 'replace', a: null, b: {} } } }, revision: 3 }
  assert.deepEqual(stored(controllerRevisionKind, revision).data, revision.data)
  assert.deepEqual(complaints(controllerRevisionKind, revision), [])
  assert.deepEqual(complaints(controllerRevisionKind, { revision: 1 }), ['data: Required value: data is mandatory'])
  assert.deepEqual(complaints(controllerRevisionKind, { ...revision, revision: -1 }), [
    'revision: Invalid value: -1: must be greater than or equal to 0',
  ])
  assert.deepEqual(changeComplaints(controllerRevisionKind, revision, { ...revision, revision: 4 }), [])
  assert.deepEqual(changeComplaints(controllerRevisionKind, revision, { ...revision, data: 1 }), [
    'data: Invalid value: 1: field is immutable',
  ])
})

test('kubectl get shows of whom a ControllerRevision is', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'log', uid: 'u', controller: true }
  const metadata = { name: 'log-1', creationTimestamp: '2026-01-01T00:00:00Z', ownerReferences: [owner] }
  const now = Date.parse('2026-01-01T00:00:30Z')
  const wanted = { Name: 'log-1', Controller: 'daemonset.apps/log', Revision: 2, Age: '30s' }
  assert.deepEqual(cells(controllerRevisionKind, { metadata, data: {}, revision: 2 }, now), wanted)
  assert.equal(cells(controllerRevisionKind, { data: {}, revision: 2 }).Controller, '<none>')
})
