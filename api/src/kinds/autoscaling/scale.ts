import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { field, int32, object, string } from '../../schema/fields.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/scale-v1/ */
export interface Scale extends KubernetesObject {
  apiVersion: 'autoscaling/v1'
  kind: 'Scale'
  spec: { replicas?: number }
  status: { replicas: number; selector?: string }
}

/** The subresource `scale` of every workload with replicas; never stored. */
export const scaleKind = defineKind<Scale>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  namespaced: true,
  columns: [],
  hasGeneration: false,
  description: 'How many replicas a workload has and is to have.',
  schema: () =>
    object('Scale', 'How many replicas a workload has and is to have.', {
      spec: field(object('ScaleSpec', 'What is wanted.', { replicas: int32('How many replicas are wanted.') }), 'What is wanted.'),
      status: field(
        object('ScaleStatus', 'What there is.', {
          replicas: int32('How many replicas there are.'),
          selector: string('Label selector of the pods, as it stands in a query.'),
        }),
        'What there is.',
      ),
    }),
})
