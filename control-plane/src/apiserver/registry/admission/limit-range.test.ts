import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, LimitRangeItem, PersistentVolumeClaim, Pod } from '@davit/api'
import { putDefaults } from './limit-range.ts'
import { limitViolations } from './limit-violations.ts'

type Resources = NonNullable<Container['resources']>

const pod = (...resources: Resources[]): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: resources.map((each, i) => ({ name: `c${i}`, image: 'x', resources: each })) },
})
const claim = (storage: string) =>
  ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {},
    spec: { resources: { requests: { storage } } },
  }) as PersistentVolumeClaim

test('containers get what they do not say, and the pod says what was set', () => {
  const defaults: LimitRangeItem = {
    type: 'Container',
    default: { cpu: '500m', memory: '500Mi' },
    defaultRequest: { cpu: '100m', memory: '200Mi' },
  }
  const object = pod({}, { requests: { cpu: '300m' }, limits: { cpu: '1', memory: '1Gi' } })
  object.spec.initContainers = [{ name: 'i', image: 'x' }]
  putDefaults(object, { spec: { limits: [defaults, { type: 'Pod', max: { cpu: '4' } }] } })
  const whole = { requests: defaults.defaultRequest, limits: defaults.default }
  assert.deepEqual(object.spec.containers[0]?.resources, whole)
  assert.deepEqual(object.spec.containers[1]?.resources, {
    requests: { cpu: '300m', memory: '200Mi' },
    limits: { cpu: '1', memory: '1Gi' },
  })
  assert.deepEqual(object.spec.initContainers[0]?.resources, whole)
  assert.equal(
    object.metadata.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; memory request for container c1; ' +
      'cpu, memory request for init container i; cpu, memory limit for init container i',
  )
})

test('a pod that says all is left as it is', () => {
  const object = pod({ requests: { cpu: '1' }, limits: { cpu: '1' } })
  putDefaults(object, { spec: { limits: [{ type: 'Container', default: { cpu: '2' }, defaultRequest: { cpu: '2' } }] } })
  assert.equal(object.metadata.annotations, undefined)
})

const CASES: readonly [what: string, item: LimitRangeItem, object: Pod | PersistentVolumeClaim, said: string[]][] = [
  ['enough', { type: 'Container', min: { cpu: '100m' } }, pod({ requests: { cpu: '0.1' } }), []],
  [
    'too little asked for',
    { type: 'Container', min: { cpu: '100m' } },
    pod({ requests: { cpu: '50m' } }),
    ['minimum cpu usage per Container is 100m, but request is 50m'],
  ],
  [
    'nothing asked for',
    { type: 'Container', min: { cpu: '1' } },
    pod({}),
    ['minimum cpu usage per Container is 1.  No request is specified'],
  ],
  [
    'too low a limit',
    { type: 'Container', min: { cpu: '1' } },
    pod({ requests: { cpu: '1' }, limits: { cpu: '500m' } }),
    ['minimum cpu usage per Container is 1, but limit is 500m'],
  ],
  [
    'no limit',
    { type: 'Container', max: { memory: '1Gi' } },
    pod({}),
    ['maximum memory usage per Container is 1Gi.  No limit is specified'],
  ],
  [
    'too high a limit, twice the same',
    { type: 'Container', max: { memory: '1Gi' } },
    pod({ limits: { memory: '2Gi' } }, { limits: { memory: '2Gi' } }),
    ['maximum memory usage per Container is 1Gi, but limit is 2Gi'],
  ],
  [
    'too much asked for',
    { type: 'Container', max: { cpu: '1' } },
    pod({ requests: { cpu: '2' }, limits: { cpu: '1' } }),
    ['maximum cpu usage per Container is 1, but request is 2'],
  ],
  [
    'a ratio too high',
    { type: 'Container', maxLimitRequestRatio: { memory: '1.5' } },
    pod({ requests: { memory: '100Mi' }, limits: { memory: '200Mi' } }),
    ['memory max limit to request ratio per Container is 1500m, but provided ratio is 2.000000'],
  ],
  [
    'no ratio to tell',
    { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
    pod({ limits: { cpu: '1' } }),
    ['cpu max limit to request ratio per Container is 2, but no request is specified or request is 0'],
  ],
  [
    'a pod as a whole',
    { type: 'Pod', max: { cpu: '1' } },
    pod({ requests: { cpu: '600m' }, limits: { cpu: '600m' } }, { requests: { cpu: '600m' }, limits: { cpu: '600m' } }),
    ['maximum cpu usage per Pod is 1, but limit is 1200m'],
  ],
  [
    'a claim too small',
    { type: 'PersistentVolumeClaim', min: { storage: '1Gi' } },
    claim('500Mi'),
    ['minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi'],
  ],
  [
    'a claim too large',
    { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } },
    claim('2Gi'),
    ['maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi'],
  ],
  ['limits of pods for a claim', { type: 'Container', min: { cpu: '1' } }, claim('1Gi'), []],
]

for (const [what, item, object, said] of CASES) {
  test(`a LimitRange judges ${what}`, () => assert.deepEqual(limitViolations([item], object), said))
}
