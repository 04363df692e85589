import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, stored } from '../testing.ts'
import { horizontalPodAutoscalerKind } from './horizontal-pod-autoscaler.ts'
import { horizontalPodAutoscalerV1Kind } from './horizontal-pod-autoscaler-v1.ts'
import { fromStoredAutoscaler, toStoredAutoscaler } from './version-one.ts'

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
const autoscaler = (spec: object = {}, rest: object = {}) => ({ spec: { scaleTargetRef, maxReplicas: 5, ...spec }, ...rest })
const cpu = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
})
const object = (target: object) => ({ type: 'Object', object: { describedObject: scaleTargetRef, metric: { name: 'hits' }, target } })

test('an autoscaler gets the defaults of Kubernetes', () => {
  const { spec, status } = stored(horizontalPodAutoscalerKind, autoscaler())
  assert.deepEqual([spec.minReplicas, spec.metrics, spec.behavior, status], [1, [cpu(80)], undefined, { desiredReplicas: 0 }])
  const { behavior } = stored(horizontalPodAutoscalerKind, autoscaler({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } })).spec
  assert.deepEqual(behavior, {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
    },
    scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
  })
})

const METRIC = 'spec.metrics[0]'
const UP = 'spec.behavior.scaleUp'
const metric = (...metrics: object[]) => ({ metrics })
const up = (scaleUp: object) => ({ behavior: { scaleUp } })
const CASES: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [metric(object({ type: 'Value', value: '10k' }), cpu(50)), []],
  [{ minReplicas: 0 }, ['spec.minReplicas: Invalid value: 0: must be greater than or equal to 1']],
  [{ minReplicas: 6 }, ['spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`']],
  [{ maxReplicas: 0 }, ['spec.maxReplicas: Invalid value: 0: must be greater than 0']],
  [{ scaleTargetRef: { kind: 'Deployment' } }, ['spec.scaleTargetRef.name: Required value']],
  [{ scaleTargetRef: { kind: 'a/b', name: 'x' } }, ['spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain \'/\'']],
  [metric(cpu(0)), [`${METRIC}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`]],
  [metric({ ...cpu(50), type: 'Pods' }), [`${METRIC}.pods: Required value: must populate information for the given metric source`]],
  [
    metric({ ...cpu(50), ...object({ type: 'Value', value: 1 }), type: 'Resource' }),
    [`${METRIC}.object: Forbidden: must populate the given metric source only`],
  ],
  [
    metric(object({ type: 'Value' })),
    [`${METRIC}.object.target.averageValue: Required value: must set either a target value or averageValue`],
  ],
  [metric(object({ type: 'Value', value: 0 })), [`${METRIC}.object.target.value: Invalid value: "0": must be positive`]],
  [
    metric(object({ type: 'Most', value: 1 })),
    [`${METRIC}.object.target.type: Invalid value: "Most": must be either Utilization, Value, or AverageValue`],
  ],
  [
    metric({ type: 'External', external: { metric: { name: 'queue' }, target: { type: 'Value', value: 1, averageValue: 1 } } }),
    [`${METRIC}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target`],
  ],
  [
    metric({ type: 'Pods', pods: { metric: { name: 'hits' }, target: { type: 'AverageValue' } } }),
    [`${METRIC}.pods.target.averageValue: Required value: must specify a positive target averageValue`],
  ],
  [
    metric({
      type: 'ContainerResource',
      containerResource: { name: 'disk', container: 'A', target: { type: 'Utilization', averageUtilization: 5 } },
    }),
    [
      `${METRIC}.containerResource.name: Invalid value: "disk": must be a standard resource for containers`,
      `${METRIC}.containerResource.container: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  [up({ stabilizationWindowSeconds: 3601 }), [`${UP}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600`]],
  [up({ stabilizationWindowSeconds: -1 }), [`${UP}.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero`]],
  [up({ selectPolicy: 'All' }), [`${UP}.selectPolicy: Unsupported value: "All": supported values: "Disabled", "Max", "Min"`]],
  [
    up({ policies: [{ type: 'Pods', value: 0, periodSeconds: 1801 }] }),
    [
      `${UP}.policies[0].value: Invalid value: 0: must be greater than zero`,
      `${UP}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800`,
    ],
  ],
]
for (const [spec, wanted] of CASES) {
  test(`HorizontalPodAutoscaler ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(horizontalPodAutoscalerKind, autoscaler(spec)), wanted)
  })
}

test('version 1 says CPU, and keeps all else in annotations', () => {
  const memory = { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '100Mi' } } }
  const metrics = [memory, object({ type: 'Value', value: '10k' }), cpu(50)]
  const status = {
    currentReplicas: 2,
    desiredReplicas: 3,
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 70, averageValue: '350m' } } }],
    conditions: [{ type: 'AbleToScale', status: 'True' }],
  }
  const whole = stored(horizontalPodAutoscalerKind, {
    metadata: { annotations: { own: 'x' } },
    ...autoscaler({ metrics, behavior: { scaleDown: { selectPolicy: 'Disabled' } } }, { status }),
  })
  const seen = fromStoredAutoscaler(whole)
  assert.deepEqual(seen.spec, { scaleTargetRef, minReplicas: 1, maxReplicas: 5, targetCPUUtilizationPercentage: 50 })
  assert.deepEqual(seen.status, { currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 70 })
  const { annotations = {} } = seen.metadata
  assert.deepEqual(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/metrics'] ?? ''), [
    { type: 'Resource', resource: { name: 'memory', targetAverageValue: '100Mi' } },
    { type: 'Object', object: { target: scaleTargetRef, metricName: 'hits', targetValue: '10k' } },
  ])
  assert.equal(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/behavior'] ?? '').ScaleDown.SelectPolicy, 'Disabled')
  assert.deepEqual(toStoredAutoscaler(seen), whole)
})

test('version 1 is judged as the whole, and what it does not say is the default', () => {
  const one = { targetCPUUtilizationPercentage: 60 }
  assert.deepEqual(complaints(horizontalPodAutoscalerV1Kind, autoscaler(one)), [])
  assert.deepEqual(complaints(horizontalPodAutoscalerV1Kind, autoscaler({ maxReplicas: 0, minReplicas: 1 })).slice(0, 1), [
    'spec.maxReplicas: Invalid value: 0: must be greater than 0',
  ])
  assert.deepEqual(toStoredAutoscaler(stored(horizontalPodAutoscalerV1Kind, autoscaler(one))).spec.metrics, [cpu(60)])
  assert.equal(toStoredAutoscaler(stored(horizontalPodAutoscalerV1Kind, autoscaler())).spec.metrics, undefined)
  const junk = { metadata: { annotations: { 'autoscaling.alpha.kubernetes.io/metrics': '{not json' } }, ...autoscaler(one) }
  assert.deepEqual(toStoredAutoscaler(stored(horizontalPodAutoscalerV1Kind, junk)).spec.metrics, [cpu(60)])
  // As an apply may bring it.
  assert.deepEqual(toStoredAutoscaler({ metadata: { name: 'a' } } as never).spec, {})
})

test('kubectl get shows autoscalers as with Kubernetes', () => {
  const metadata = { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:00:30Z')
  const status = {
    currentReplicas: 2,
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 70 } } }],
  }
  const metrics = [cpu(50), object({ type: 'AverageValue', averageValue: 3 }), object({ type: 'Value', value: 9 })]
  const wanted = { Name: 'web', Reference: 'Deployment/web', MinPods: '1', MaxPods: '5', Replicas: '2', Age: '30s' }
  assert.deepEqual(cells(horizontalPodAutoscalerKind, { metadata, ...autoscaler({ metrics }, { status }) }, now), {
    ...wanted,
    Targets: 'cpu: 70%/50%, <unknown>/3 (avg) + 1 more...',
  })
  const one = autoscaler({ targetCPUUtilizationPercentage: 50 }, { status: { currentReplicas: 2, currentCPUUtilizationPercentage: 7 } })
  assert.deepEqual(cells(horizontalPodAutoscalerV1Kind, { metadata, ...one }, now), { ...wanted, Targets: 'cpu: 7%/50%' })
})
