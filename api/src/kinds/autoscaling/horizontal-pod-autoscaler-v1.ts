import { defineKind, type PrinterColumn } from '../../kind.ts'
import { field, int32, int64, object, required, time } from '../../schema/fields.ts'
import { horizontalPodAutoscalerKind } from './horizontal-pod-autoscaler.ts'
import { validateAutoscaler } from './horizontal-pod-autoscaler-rules.ts'
import { crossVersionReferenceSchema } from './horizontal-pod-autoscaler-schema.ts'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from './horizontal-pod-autoscaler-types.ts'
import { fromStoredAutoscaler, toStoredAutoscaler } from './version-one.ts'

/** Autoscalers by CPU alone; all else is in annotations. */
export const horizontalPodAutoscalerV1Kind = defineKind<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Gives a workload as many pods as its use of CPU asks for.',
  schema: () =>
    object('HorizontalPodAutoscaler', 'Gives a workload as many pods as its use of CPU asks for.', {
      spec: field(
        object('HorizontalPodAutoscalerSpec', 'What is scaled.', {
          scaleTargetRef: required(field(crossVersionReferenceSchema(), 'The workload that is scaled.')),
          minReplicas: int32('The least number of pods. Default 1.'),
          maxReplicas: required(int32('The greatest number of pods; not below minReplicas.')),
          targetCPUUtilizationPercentage: int32('What pods should use of the CPU they request, in percent.'),
        }),
        'What is scaled.',
      ),
      status: field(
        object('HorizontalPodAutoscalerStatus', 'How the autoscaler is.', {
          observedGeneration: int64('Generation the status speaks of.'),
          lastScaleTime: time('When it last changed the number of pods.'),
          currentReplicas: required(int32('How many pods there are.')),
          desiredReplicas: required(int32('How many pods there should be.')),
          currentCPUUtilizationPercentage: int32('What pods use of the CPU they request, in percent.'),
        }),
        'How the autoscaler is.',
      ),
    }),
  applyDefaults(autoscaler) {
    // The schema says what is missing.
    autoscaler.spec ??= {} as HorizontalPodAutoscalerV1['spec']
    autoscaler.spec.minReplicas ??= 1
    autoscaler.status ??= {}
    autoscaler.status.currentReplicas ??= 0
    autoscaler.status.desiredReplicas ??= 0
  },
  // It says less: what holds of the whole is judged of the whole.
  validate: autoscaler => validateAutoscaler(toStoredAutoscaler(autoscaler)),
  columns: horizontalPodAutoscalerKind.columns.map(
    (column): PrinterColumn<HorizontalPodAutoscalerV1> => ({
      ...column,
      value: (autoscaler, now) => column.value(toStoredAutoscaler(autoscaler), now),
    }),
  ),
  view: {
    of: horizontalPodAutoscalerKind,
    toStored: toStoredAutoscaler,
    fromStored: autoscaler => fromStoredAutoscaler(autoscaler as HorizontalPodAutoscaler),
    storedField: name => name,
  },
})
