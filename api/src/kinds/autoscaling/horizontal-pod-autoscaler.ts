import { defineKind, type PrinterColumn } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { applyAutoscalerDefaults, validateAutoscaler, validateAutoscalerStatus } from './horizontal-pod-autoscaler-rules.ts'
import { autoscalerSpecSchema, autoscalerStatusSchema } from './horizontal-pod-autoscaler-schema.ts'
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from './horizontal-pod-autoscaler-types.ts'

const METRICS_SHOWN = 2

const column = (
  name: string,
  description: string,
  value: (autoscaler: HorizontalPodAutoscaler) => string,
): PrinterColumn<HorizontalPodAutoscaler> => ({ name, type: 'string', description, value })

/** As it is stored: version 2. Version 1 is a view of it. */
export const horizontalPodAutoscalerKind = defineKind<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Gives a workload as many pods as metrics ask for.',
  schema: () =>
    object('HorizontalPodAutoscaler', 'Gives a workload as many pods as metrics ask for.', {
      spec: field(autoscalerSpecSchema(), 'What is scaled, and by what.'),
      status: field(autoscalerStatusSchema(), 'How the autoscaler is.'),
    }),
  applyDefaults: applyAutoscalerDefaults,
  validate: validateAutoscaler,
  validateStatus: validateAutoscalerStatus,
  columns: [
    nameColumn,
    column(
      'Reference',
      'The workload that is scaled.',
      ({ spec }) => `${spec.scaleTargetRef?.kind ?? ''}/${spec.scaleTargetRef?.name ?? ''}`,
    ),
    column('Targets', 'What metrics are, and should be.', formatMetrics),
    column('MinPods', 'The least number of pods.', ({ spec }) => String(spec.minReplicas ?? '<unset>')),
    column('MaxPods', 'The greatest number of pods.', ({ spec }) => String(spec.maxReplicas)),
    column('Replicas', 'How many pods there are.', ({ status }) => String(status?.currentReplicas ?? 0)),
    ageColumn,
  ],
})

function formatMetrics({ spec, status }: HorizontalPodAutoscaler): string {
  const { metrics = [] } = spec
  if (metrics.length === 0) return '<none>'
  const shown = metrics.slice(0, METRICS_SHOWN).map((metric, i) => formatMetric(metric, status?.currentMetrics?.[i]))
  const more = metrics.length - METRICS_SHOWN
  return `${shown.join(', ')}${more > 0 ? ` + ${more} more...` : ''}`
}

function formatMetric(metric: MetricSpec, status: MetricStatus | undefined): string {
  const [name, source] = Object.entries(metric).find(([key]) => key !== 'type') ?? []
  if (name === undefined) return '<unknown type>'
  const { target, name: resource } = source as { target?: MetricTarget; name?: string }
  const now: MetricValueStatus = status?.[name as 'pods']?.current ?? {}
  const ratio = (current: unknown, wanted: unknown) => `${current ?? '<unknown>'}/${wanted ?? '<auto>'}`
  const average = ratio(now.averageValue, target?.averageValue)
  if (name === 'pods') return average
  if (name === 'resource' || name === 'containerResource') {
    const percent = (value: number | undefined) => (value === undefined ? undefined : `${value}%`)
    if (target?.averageValue !== undefined) return `${resource}: ${average}`
    return `${resource}: ${ratio(percent(now.averageUtilization), percent(target?.averageUtilization))}`
  }
  return target?.averageValue === undefined ? ratio(now.value, target?.value) : `${average} (avg)`
}
