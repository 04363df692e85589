/** Metrics as text that Prometheus reads. https://prometheus.io/docs/instrumenting/exposition_formats/ */
import type { NodeUsage, PodUsage } from './types.ts'

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface Family {
  name: string
  help: string
  type: 'counter' | 'gauge'
  samples: { labels?: Readonly<Record<string, string>>; value: number; at?: number }[]
}

export function exposition(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, help, type, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ labels = {}, value, at }) => `${name}${labelsOf(labels)} ${value}${at === undefined ? '' : ` ${at}`}`),
    ])
    .join('\n')
    .concat('\n')
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, escapeOf)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escapeOf = (character: string) => (character === '\n' ? '\\n' : `\\${character}`)

/** What `/metrics/resource` says, under the names of Kubernetes' agents. Pure. */
export function resourceMetrics(node: NodeUsage, pods: readonly PodUsage[]): string {
  const containers = pods.flatMap(({ pod, containers }) =>
    containers.map(usage => ({
      usage,
      labels: { container: usage.name, namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name ?? '' },
    })),
  )
  const whole = pods
    .filter(({ containers: own }) => own.length > 0)
    .map(usage => ({ usage, labels: { namespace: usage.pod.metadata.namespace ?? '', pod: usage.pod.metadata.name ?? '' } }))
  const total = ({ containers: own }: PodUsage, of: (one: PodUsage['containers'][number]) => number) =>
    own.reduce((sum, one) => sum + of(one), 0)
  return exposition([
    {
      name: 'container_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
      type: 'counter',
      samples: containers.map(({ usage, labels }) => ({ labels, value: usage.cpu.ns / 1e9, at: usage.at })),
    },
    {
      name: 'container_memory_working_set_bytes',
      help: '[STABLE] Current working set of the container in bytes',
      type: 'gauge',
      samples: containers.map(({ usage, labels }) => ({ labels, value: usage.group.workingSetBytes, at: usage.at })),
    },
    {
      name: 'container_start_time_seconds',
      help: '[STABLE] Start time of the container since unix epoch in seconds',
      type: 'gauge',
      samples: containers.map(({ usage, labels }) => ({ labels, value: usage.startedAt / 1000 })),
    },
    {
      name: 'node_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
      type: 'counter',
      samples: [{ value: node.cpu.ns / 1e9, at: node.at }],
    },
    {
      name: 'node_memory_working_set_bytes',
      help: '[STABLE] Current working set of the node in bytes',
      type: 'gauge',
      samples: [{ value: node.memory.workingSetBytes, at: node.at }],
    },
    {
      name: 'pod_cpu_usage_seconds_total',
      help: '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      type: 'counter',
      samples: whole.map(({ usage, labels }) => ({ labels, value: total(usage, ({ cpu }) => cpu.ns) / 1e9, at: usage.at })),
    },
    {
      name: 'pod_memory_working_set_bytes',
      help: '[STABLE] Current working set of the pod in bytes',
      type: 'gauge',
      samples: whole.map(({ usage, labels }) => ({ labels, value: total(usage, ({ group }) => group.workingSetBytes), at: usage.at })),
    },
    {
      name: 'resource_scrape_error',
      help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
      type: 'gauge',
      samples: [{ value: 0 }],
    },
  ])
}

/** What the agent says of itself. */
export function agentMetrics(pods: readonly { containers: readonly { state: string }[] }[], own: readonly Family[]): string {
  const { user, system } = process.cpuUsage()
  const memory = process.memoryUsage()
  const byState = new Map<string, number>()
  for (const { state } of pods.flatMap(({ containers }) => containers)) byState.set(state, (byState.get(state) ?? 0) + 1)
  const gauge = (name: string, help: string, value: number): Family => ({ name, help, type: 'gauge', samples: [{ value }] })
  return exposition([
    {
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time spent in seconds.',
      type: 'counter',
      samples: [{ value: (user + system) / 1e6 }],
    },
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', memory.rss),
    gauge('nodejs_heap_size_used_bytes', 'Process heap size used from Node.js in bytes.', memory.heapUsed),
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', startedAt),
    gauge('kubelet_running_pods', 'Number of pods that have a running pod sandbox', pods.length),
    {
      name: 'kubelet_running_containers',
      help: 'Number of containers currently running',
      type: 'gauge',
      samples: [...byState].map(([state, value]) => ({ labels: { container_state: state }, value })),
    },
    ...own,
  ])
}

const startedAt = Math.round(performance.timeOrigin / 1000)
