import type { z } from 'zod'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, int32, int64, list, object, oneOf, quantity, required, string, time } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'

/** The component `CrossVersionObjectReference`, anew for each version that has one. */
export const crossVersionReferenceSchema = () =>
  object('CrossVersionObjectReference', 'Points at an object of the same namespace, in whichever version.', {
    kind: required(string('Kind of the object.')),
    name: required(string('Name of the object.')),
    apiVersion: string('API version of the object.'),
  })

const referenceSchema = once(crossVersionReferenceSchema)
const metricSchema = once(() =>
  object('MetricIdentifier', 'A metric.', {
    name: required(string('Name of the metric.')),
    selector: field(labelSelectorSchema(), 'Selects among series of the metric.'),
  }),
)
const values = () => ({
  value: quantity('The value of the metric.'),
  averageValue: quantity('The value divided by the number of pods.'),
  averageUtilization: int32('The average over the pods in percent of what they request.'),
})
const targetSchema = once(() =>
  object('MetricTarget', 'What a metric should be.', {
    type: required(string('Which of the values is meant: Utilization, Value or AverageValue.')),
    ...values(),
  }),
)
const currentSchema = once(() => object('MetricValueStatus', 'What a metric is.', values()))

/** The five sources of metrics, each with `amount` beside what names it; `ending` as in the components' names. */
const sources = (ending: 'Source' | 'Status', amount: () => z.ZodRawShape): z.ZodRawShape => {
  const source = (name: string, description: string, shape: z.ZodRawShape) =>
    field(object(`${name}Metric${ending}`, description, { ...shape, ...amount() }), description)
  const metric = () => ({ metric: required(field(metricSchema(), 'The metric.')) })
  const resource = () => ({ name: required(string('The resource, such as cpu.')) })
  return {
    type: required(
      oneOf(
        ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'],
        'Which of the sources is used; it is the only one that is set.',
      ),
    ),
    object: source('Object', 'A metric of one object.', {
      describedObject: required(field(referenceSchema(), 'The object.')),
      ...metric(),
    }),
    pods: source('Pods', 'A metric of each pod.', metric()),
    resource: source('Resource', 'What all containers of the pods use of a resource.', resource()),
    containerResource: source('ContainerResource', 'What one container of the pods uses of a resource.', {
      ...resource(),
      container: required(string('Name of the container.')),
    }),
    external: source('External', 'A metric from outside the cluster.', metric()),
  }
}

const rulesSchema = once(() =>
  object('HPAScalingRules', 'How fast it may go.', {
    stabilizationWindowSeconds: int32('Seconds of the past that are looked at, so that it does not go to and fro; at most 3600.'),
    selectPolicy: oneOf(
      ['Disabled', 'Max', 'Min'],
      'Which policy counts: that of the greatest change, of the least, or none. Default Max.',
    ),
    policies: list(
      object('HPAScalingPolicy', 'The most that may change in a time.', {
        type: required(oneOf(['Percent', 'Pods'], 'Whether value is a number of pods or a percentage.')),
        value: required(int32('How much; above 0.')),
        periodSeconds: required(int32('In how many seconds; at most 1800.')),
      }),
      'Policies; at least one.',
    ),
  }),
)

export const autoscalerSpecSchema = once(() =>
  object('HorizontalPodAutoscalerSpec', 'What is scaled, and by what.', {
    scaleTargetRef: required(field(referenceSchema(), 'The workload that is scaled.')),
    minReplicas: int32('The least number of pods. Default 1.'),
    maxReplicas: required(int32('The greatest number of pods; not below minReplicas.')),
    metrics: list(
      object(
        'MetricSpec',
        'A metric and what it should be.',
        sources('Source', () => ({ target: required(field(targetSchema(), 'What it should be.')) })),
      ),
      'Metrics; the one that asks for most pods counts. Default: cpu at 80 percent.',
    ),
    behavior: field(
      object('HorizontalPodAutoscalerBehavior', 'How fast it may go, up and down.', {
        scaleUp: field(rulesSchema(), 'Upwards. Default: 4 pods or 100 percent in 15 seconds, whichever is more.'),
        scaleDown: field(rulesSchema(), 'Downwards. Default: to minReplicas, after 300 seconds.'),
      }),
      'How fast it may go.',
    ),
  }),
)

export const autoscalerStatusSchema = once(() =>
  object('HorizontalPodAutoscalerStatus', 'How the autoscaler is.', {
    observedGeneration: int64('Generation the status speaks of.'),
    lastScaleTime: time('When it last changed the number of pods.'),
    currentReplicas: int32('How many pods there are.'),
    desiredReplicas: required(int32('How many pods there should be.')),
    currentMetrics: list(
      object(
        'MetricStatus',
        'A metric and what it is.',
        sources('Status', () => ({ current: required(field(currentSchema(), 'What it is.')) })),
      ),
      'The metrics as they were last read.',
    ),
    conditions: conditionListSchema('HorizontalPodAutoscalerCondition', 'Aspects of it: AbleToScale, ScalingActive, ScalingLimited.'),
  }),
)
