import { forbiddenField, invalidIf, invalidValue, nonNegative, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { Quantity } from '../../meta.ts'
import { isDnsLabel, isPathSegment } from '../../names.ts'
import { compareQuantities, isQuantity } from '../../quantity.ts'
import type { FieldError } from '../../status.ts'
import { validateContainerResourceName } from '../core/pod.ts'
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HpaScalingRules,
  MetricSourceType,
  MetricSpec,
  MetricTarget,
} from './horizontal-pod-autoscaler-types.ts'

const CPU_UTILIZATION = 80
const PERIOD_SECONDS_MAX = 1800
const WINDOW_SECONDS_MAX = 3600
const SELECT_POLICIES = ['Disabled', 'Max', 'Min'] as const
const POLICY_TYPES = ['Percent', 'Pods'] as const

export function applyAutoscalerDefaults(autoscaler: HorizontalPodAutoscaler): void {
  // The schema says what is missing.
  autoscaler.spec ??= {} as HorizontalPodAutoscalerSpec
  const { spec } = autoscaler
  spec.minReplicas ??= 1
  if (!spec.metrics?.length) {
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: CPU_UTILIZATION } } }]
  }
  if (spec.behavior) {
    const { scaleUp, scaleDown } = spec.behavior
    spec.behavior.scaleUp = { ...UP(), ...scaleUp }
    spec.behavior.scaleDown = { ...DOWN(), ...scaleDown }
  }
  autoscaler.status ??= {}
  autoscaler.status.desiredReplicas ??= 0
}

const UP = (): HpaScalingRules => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
})
const DOWN = (): HpaScalingRules => ({ selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] })

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const { behavior = {}, metrics = [] } = spec
  return [
    ...validateNumbers(spec),
    ...validateReference(spec.scaleTargetRef, 'spec.scaleTargetRef'),
    ...metrics.flatMap((metric, i) => validateMetric(metric, `spec.metrics[${i}]`)),
    ...validateScaling(behavior.scaleUp, 'spec.behavior.scaleUp'),
    ...validateScaling(behavior.scaleDown, 'spec.behavior.scaleDown'),
  ]
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): FieldError[] {
  return [
    ...nonNegative('status.currentReplicas', status?.currentReplicas),
    ...nonNegative('status.desiredReplicas', status?.desiredReplicas),
  ]
}

/** The bounds, and what is scaled: what both versions have. */
function validateNumbers({ minReplicas, maxReplicas = 0 }: Pick<HorizontalPodAutoscalerSpec, 'minReplicas' | 'maxReplicas'>): FieldError[] {
  const field = 'spec.maxReplicas'
  const errors: FieldError[] = []
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'))
  }
  if (maxReplicas < 1) errors.push(invalidValue(field, maxReplicas, 'must be greater than 0'))
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalidValue(field, maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  return errors
}

function validateReference(reference: CrossVersionObjectReference | undefined, path: string): FieldError[] {
  return (['kind', 'name'] as const).flatMap(name => validateSegment(`${path}.${name}`, reference?.[name]))
}

function validateSegment(field: string, value: string | undefined, why = ''): FieldError[] {
  return value ? invalidIf(field, value, isPathSegment(value)) : [requiredValue(field, why)]
}

function validateScaling(rules: HpaScalingRules | undefined, path: string): FieldError[] {
  if (!rules) return []
  const { stabilizationWindowSeconds: window = 0, selectPolicy, policies = [] } = rules
  const errors: FieldError[] = []
  const field = `${path}.stabilizationWindowSeconds`
  if (window < 0) errors.push(invalidValue(field, window, 'must be greater than or equal to zero'))
  if (window > WINDOW_SECONDS_MAX) errors.push(invalidValue(field, window, `must be less than or equal to ${WINDOW_SECONDS_MAX}`))
  if (selectPolicy !== undefined && !SELECT_POLICIES.includes(selectPolicy)) {
    errors.push(unsupportedValue(`${path}.selectPolicy`, selectPolicy, SELECT_POLICIES))
  }
  if (policies.length === 0) errors.push(requiredValue(`${path}.policies`, 'must specify at least one Policy'))
  for (const [i, { type, value = 0, periodSeconds = 0 }] of policies.entries()) {
    const at = `${path}.policies[${i}]`
    if (!POLICY_TYPES.includes(type)) errors.push(unsupportedValue(`${at}.type`, type ?? '', POLICY_TYPES))
    if (value <= 0) errors.push(invalidValue(`${at}.value`, value, 'must be greater than zero'))
    if (periodSeconds <= 0) errors.push(invalidValue(`${at}.periodSeconds`, periodSeconds, 'must be greater than zero'))
    if (periodSeconds > PERIOD_SECONDS_MAX) {
      errors.push(invalidValue(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`))
    }
  }
  return errors
}

type SourceName = Exclude<keyof MetricSpec, 'type'>
const FIELDS = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const satisfies Record<MetricSourceType, SourceName>

type Rules = { readonly [S in SourceName]: (source: NonNullable<MetricSpec[S]>, path: string) => FieldError[] }

/** In the order in which they are looked at: of several only the first is. */
const SOURCES: Rules = {
  object: (source, path) => [
    ...validateReference(source.describedObject, `${path}.describedObject`),
    ...validateMetricName(source, path),
    ...validateTarget(source.target, path),
    ...needsOne(source.target, path, ['value', 'averageValue'], 'must set either a target value or averageValue'),
  ],
  external: (source, path) => [
    ...validateMetricName(source, path),
    ...validateTarget(source.target, path),
    ...needsOne(source.target, path, ['value', 'averageValue'], 'must set either a target value for metric or a per-pod target'),
    ...hasBoth(source.target, path, ['averageValue', 'value'], 'may not set both a target value for metric and a per-pod target'),
  ],
  pods: (source, path) => [
    ...validateMetricName(source, path),
    ...validateTarget(source.target, path),
    ...needsOne(source.target, path, ['averageValue'], 'must specify a positive target averageValue'),
  ],
  resource: (source, path) => [
    ...(source.name ? [] : [requiredValue(`${path}.name`, 'must specify a resource name')]),
    ...validateUse(source.target, path),
  ],
  containerResource: ({ name, container, target }, path) => [
    ...(name ? validateContainerResourceName(name, `${path}.name`) : [requiredValue(`${path}.name`, 'must specify a resource name')]),
    ...(container
      ? invalidIf(`${path}.container`, container, isDnsLabel(container))
      : [requiredValue(`${path}.container`, 'must specify a container')]),
    ...validateUse(target, path),
  ],
}

function validateMetric(metric: MetricSpec, path: string): FieldError[] {
  const { type } = metric
  const errors: FieldError[] = []
  const expected = type !== undefined && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined
  if (!type) errors.push(requiredValue(`${path}.type`, 'must specify a metric source type'))
  if (!expected) errors.push(unsupportedValue(`${path}.type`, type ?? '', Object.keys(FIELDS)))
  const present = (Object.keys(SOURCES) as SourceName[]).filter(name => metric[name] !== undefined)
  const [first] = present
  if (first) errors.push(...(SOURCES[first] as (source: unknown, path: string) => FieldError[])(metric[first], `${path}.${first}`))
  if (expected && !metric[expected]) {
    errors.push(requiredValue(`${path}.${expected}`, 'must populate information for the given metric source'))
  }
  if (present.length === 1) return errors
  const others = present.filter(name => name !== expected)
  return [...errors, ...others.map(name => forbiddenField(`${path}.${name}`, 'must populate the given metric source only'))]
}

function validateMetricName({ metric }: { metric?: { name: string } }, path: string): FieldError[] {
  return validateSegment(`${path}.metric.name`, metric?.name, 'must specify a metric name')
}

function validateUse(target: MetricTarget | undefined, path: string): FieldError[] {
  const why = 'must set either a target raw value or a target utilization'
  return [
    ...validateTarget(target, path),
    ...needsOne(target, path, ['averageValue', 'averageUtilization'], why),
    ...hasBoth(target, path, ['averageUtilization', 'averageValue'], 'may not set both a target raw value and a target utilization'),
  ]
}

type ValueName = 'value' | 'averageValue' | 'averageUtilization'

/** The last of them is the one that is asked for. */
function needsOne(target: MetricTarget | undefined, path: string, names: readonly ValueName[], why: string): FieldError[] {
  if (names.some(name => target?.[name] !== undefined)) return []
  return [requiredValue(`${path}.target.${names.at(-1)}`, why)]
}

/** The last of them is the one too many. */
function hasBoth(target: MetricTarget | undefined, path: string, [one, other]: readonly [ValueName, ValueName], why: string): FieldError[] {
  return target?.[one] === undefined || target[other] === undefined ? [] : [forbiddenField(`${path}.target.${other}`, why)]
}

function validateTarget(target: MetricTarget | undefined, path: string): FieldError[] {
  const { type, averageUtilization } = target ?? {}
  const at = `${path}.target`
  const errors: FieldError[] = type ? [] : [requiredValue(`${at}.type`, 'must specify a metric target type')]
  if (type !== 'Utilization' && type !== 'Value' && type !== 'AverageValue') {
    errors.push(invalidValue(`${at}.type`, type ?? '', 'must be either Utilization, Value, or AverageValue'))
  }
  for (const name of ['value', 'averageValue'] as const) {
    const amount: Quantity | undefined = target?.[name]
    if (isQuantity(amount) && compareQuantities(amount, 0) <= 0) errors.push(invalidValue(`${at}.${name}`, amount, 'must be positive'))
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalidValue(`${at}.averageUtilization`, averageUtilization, 'must be greater than 0'))
  }
  return errors
}
