/** An autoscaler in its first version and back. What that cannot say goes into annotations, in the form Kubernetes gives them. */
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from './horizontal-pod-autoscaler-types.ts'

const PREFIX = 'autoscaling.alpha.kubernetes.io/'
const KEYS = {
  metrics: `${PREFIX}metrics`,
  behavior: `${PREFIX}behavior`,
  current: `${PREFIX}current-metrics`,
  conditions: `${PREFIX}conditions`,
}

type Fields = Record<string, unknown>
type Behavior = HorizontalPodAutoscaler['spec']['behavior']

export function fromStoredAutoscaler(stored: HorizontalPodAutoscaler): HorizontalPodAutoscalerV1 {
  const { metadata, spec, status = {} } = stored
  const { metrics = [], behavior, ...target } = spec
  const { currentMetrics = [], conditions = [], ...numbers } = status
  const percentage = metrics.find(isCpu)?.resource?.target.averageUtilization
  const used = currentMetrics.find(({ resource }) => resource?.name === 'cpu')?.resource?.current.averageUtilization
  const others = metrics.filter(metric => !isCpu(metric))
  const notes: [string, boolean, unknown][] = [
    [KEYS.metrics, others.length > 0, others.map(metric => flattened(metric, 'target'))],
    [KEYS.behavior, behavior !== undefined, recased(behavior, name => name.charAt(0).toUpperCase() + name.slice(1))],
    [KEYS.current, currentMetrics.length > 0, currentMetrics.map(metric => flattened(metric, 'current'))],
    [KEYS.conditions, conditions.length > 0, conditions],
  ]
  const annotations = {
    ...withoutNotes(metadata.annotations),
    ...Object.fromEntries(notes.flatMap(([key, isThere, value]) => (isThere ? [[key, JSON.stringify(value)]] : []))),
  }
  const { annotations: _, ...rest } = metadata
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { ...rest, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...target, ...(percentage !== undefined && { targetCPUUtilizationPercentage: percentage }) },
    status: {
      ...numbers,
      currentReplicas: numbers.currentReplicas ?? 0,
      desiredReplicas: numbers.desiredReplicas ?? 0,
      ...(used !== undefined && { currentCPUUtilizationPercentage: used }),
    },
  }
}

export function toStoredAutoscaler(autoscaler: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler {
  // What is applied may have no spec; that it must have one is told of what comes out.
  const { metadata, spec = {} as HorizontalPodAutoscalerV1['spec'], status = {} } = autoscaler
  const { targetCPUUtilizationPercentage: percentage, ...target } = spec
  const { currentCPUUtilizationPercentage: used, ...numbers } = status
  const { annotations: all, ...rest } = metadata
  const metrics = notedList(all?.[KEYS.metrics]).map(metric => unfolded(metric, 'target') as unknown as MetricSpec)
  const current = notedList(all?.[KEYS.current]).map(metric => unfolded(metric, 'current') as unknown as MetricStatus)
  const noted = readNote(all?.[KEYS.behavior])
  const behavior = isFields(noted) ? (recased(noted, name => name.charAt(0).toLowerCase() + name.slice(1)) as Behavior) : undefined
  const conditions = notedList(all?.[KEYS.conditions]) as unknown as NonNullable<HorizontalPodAutoscaler['status']>['conditions'] & object
  if (percentage !== undefined)
    metrics.push({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percentage } } })
  if (used !== undefined && !current.some(({ resource }) => resource?.name === 'cpu')) {
    current.push({ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: used } } })
  }
  const annotations = withoutNotes(all)
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { ...rest, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...target, ...(metrics.length > 0 && { metrics }), ...(behavior && { behavior }) },
    status: { ...numbers, ...(current.length > 0 && { currentMetrics: current }), ...(conditions.length > 0 && { conditions }) },
  }
}

function isCpu({ resource }: MetricSpec): boolean {
  return resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined
}

function withoutNotes(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  const own: readonly string[] = Object.values(KEYS)
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !own.includes(key)))
}

const SOURCES = ['object', 'pods', 'resource', 'containerResource', 'external'] as const

/** The first version calls targets `targetValue`, and what there is `currentValue`; only an object's average has no such prefix. */
function namesOf(source: string, amount: 'target' | 'current'): Record<keyof MetricValueStatus, string> {
  return {
    value: `${amount}Value`,
    averageValue: source === 'object' ? 'averageValue' : `${amount}AverageValue`,
    averageUtilization: `${amount}AverageUtilization`,
  }
}

/** A metric as the first version has it: without objects inside its source. */
function flattened(metric: MetricSpec | MetricStatus, amount: 'target' | 'current'): Fields {
  const flat: Fields = { type: metric.type }
  for (const source of SOURCES) {
    const fields = metric[source] as Fields | undefined
    if (!fields) continue
    const { metric: identifier, describedObject, [amount]: values, ...rest } = fields
    const { name, selector } = (identifier ?? {}) as { name?: string; selector?: unknown }
    const names = namesOf(source, amount)
    const { type: _, ...numbers } = (values ?? {}) as Partial<MetricTarget>
    flat[source] = {
      ...rest,
      ...(describedObject !== undefined && { target: describedObject }),
      ...(name !== undefined && { metricName: name }),
      ...(selector !== undefined && { [source === 'external' ? 'metricSelector' : 'selector']: selector }),
      ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [names[key as keyof MetricValueStatus], value])),
    }
  }
  return flat
}

/** The other way round. What is no source is left out; what is in it is the decoder's to judge. */
function unfolded(flat: Fields, amount: 'target' | 'current'): Fields {
  const metric: Fields = { type: flat.type }
  for (const source of SOURCES) {
    const fields = flat[source]
    if (!isFields(fields)) continue
    const { metricName, selector, metricSelector, target, ...rest } = fields
    const values: Fields = {}
    for (const [name, flatName] of Object.entries(namesOf(source, amount))) {
      if (rest[flatName] !== undefined && rest[flatName] !== null) values[name] = rest[flatName]
      delete rest[flatName]
    }
    const chosen = selector ?? metricSelector
    if (amount === 'target') values.type = typeOf(values)
    metric[source] = {
      ...rest,
      ...(target !== undefined && { describedObject: target }),
      ...(metricName !== undefined && { metric: { name: metricName, ...(isFields(chosen) && { selector: chosen }) } }),
      [amount]: values,
    }
  }
  return metric
}

function typeOf(values: Fields): MetricTarget['type'] {
  if (values.averageUtilization !== undefined) return 'Utilization'
  return values.averageValue !== undefined ? 'AverageValue' : 'Value'
}

/** With every name in it changed. */
function recased(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map(item => recased(item, rename))
  if (!isFields(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [rename(name), recased(inner, rename)]))
}

function notedList(text: string | undefined): Fields[] {
  const value = readNote(text)
  return Array.isArray(value) ? value.filter(isFields) : []
}

/** What an annotation holds; undefined when it holds nothing that can be read. */
function readNote(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
