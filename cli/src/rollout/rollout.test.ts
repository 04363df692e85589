import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment, PodTemplateSpec, ReplicaSet } from '@davit/api'
import { annotationsToRestore, isSameTemplate, rolloutStatus, templateOf } from './index.ts'

const template: PodTemplateSpec = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'b' }] } }

function deployment(status: Partial<NonNullable<Deployment['status']>>, { replicas = 3, generation = 2 } = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', generation, annotations: { 'deployment.kubernetes.io/revision': '4', own: 'kept by nobody' } },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template },
    status: { observedGeneration: 2, ...status },
  }
}

for (const [status, wanted] of [
  [{ observedGeneration: 1 }, 'Waiting for deployment spec update to be observed...'],
  [{ updatedReplicas: 1, replicas: 4 }, 'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...'],
  [{ updatedReplicas: 3, replicas: 5 }, 'Waiting for deployment "web" rollout to finish: 2 old replicas are pending termination...'],
  [
    { updatedReplicas: 3, replicas: 3, availableReplicas: 2 },
    'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...',
  ],
  [{ updatedReplicas: 3, replicas: 3, availableReplicas: 3 }, 'deployment "web" successfully rolled out'],
] as const) {
  test(`rolloutStatus() says: ${wanted}`, () => {
    const { text, isDone } = rolloutStatus(deployment(status))
    assert.deepEqual([text, isDone], [wanted, wanted.endsWith('rolled out')])
  })
}

test('rolloutStatus() fails when the rollout cannot end, or another revision runs', () => {
  const late = deployment({ conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] })
  assert.throws(() => rolloutStatus(late), /deployment "web" exceeded its progress deadline/)
  assert.throws(() => rolloutStatus(deployment({}), 3), /desired revision \(3\) is different from the running revision \(4\)/)
})

const set: ReplicaSet = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web-1', annotations: { 'deployment.kubernetes.io/revision': '1', cause: 'old' } },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: { ...template, metadata: { labels: { app: 'web', 'pod-template-hash': 'x' } } },
  },
}

test('a revision is the same template whatever the controller labels it with', () => {
  assert.deepEqual(templateOf(set), template)
  assert.ok(isSameTemplate(set.spec.template, template))
  assert.ok(!isSameTemplate(set.spec.template, { ...template, spec: { containers: [{ name: 'a', image: 'c' }] } }))
})

test('going back restores the revision’s annotations and keeps the Deployment’s own'.replaceAll('’', "'"), () => {
  assert.deepEqual(annotationsToRestore(set, deployment({})), { cause: 'old', 'deployment.kubernetes.io/revision': '4' })
})
