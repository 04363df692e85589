/** What `kubectl get pods` shows, computed as Kubernetes' server does. */
import { ageSince } from '../../../duration.ts'
import type { PrinterColumn } from '../../../kind.ts'
import { ageColumn, nameColumn } from '../../columns.ts'
import type { ContainerStateTerminated, ContainerStatus } from './container-types.ts'
import { isSidecar } from './resources.ts'
import { isPodFinished, podCondition } from './state.ts'
import type { Pod } from './types.ts'

export interface PodSummary {
  ready: number
  total: number
  status: string
  restarts: number
  /** When a container last ended to be restarted. */
  lastRestart?: string
}

/** READY, STATUS and RESTARTS of a pod. */
export function podSummary(pod: Pod): PodSummary {
  const init = initSummary(pod)
  const own = init.reason && podCondition(pod, 'Initialized')?.status !== 'True' ? undefined : containersSummary(pod)
  const restarts = own ? [...init.sidecars, ...(pod.status?.containerStatuses ?? [])] : (pod.status?.initContainerStatuses ?? [])
  const lastRestart = latestEnd(restarts)
  return {
    ready: init.ready + (own?.ready ?? 0),
    total: pod.spec.containers.length + (pod.spec.initContainers ?? []).filter(isSidecar).length,
    status: deletionStatus(pod) ?? own?.reason ?? init.reason ?? podReason(pod),
    restarts: restarts.reduce((sum, status) => sum + status.restartCount, 0),
    ...(lastRestart !== undefined && { lastRestart }),
  }
}

interface InitSummary {
  /** `Init:…`, while one is not done. */
  reason?: string
  ready: number
  sidecars: ContainerStatus[]
}

function initSummary(pod: Pod): InitSummary {
  const specs = pod.spec.initContainers ?? []
  const sidecarNames = new Set(specs.filter(isSidecar).map(({ name }) => name))
  const statuses = pod.status?.initContainerStatuses ?? []
  const summary: InitSummary = { ready: 0, sidecars: [] }
  for (const [index, status] of statuses.entries()) {
    const sidecar = sidecarNames.has(status.name)
    if (sidecar) summary.sidecars.push(status)
    if (summary.reason || status.state?.terminated?.exitCode === 0) continue
    if (sidecar && status.started) {
      if (status.ready) summary.ready++
      continue
    }
    const { terminated, waiting } = status.state ?? {}
    if (terminated) summary.reason = `Init:${endReason(terminated)}`
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.reason = `Init:${waiting.reason}`
    else summary.reason = `Init:${index}/${specs.length}`
  }
  return summary
}

function containersSummary(pod: Pod): { reason?: string; ready: number } {
  const statuses = pod.status?.containerStatuses ?? []
  // The first container that has something to say is what the user sees.
  const reason = statuses.map(containerReason).find(text => text !== undefined)
  const ready = statuses.filter(status => status.ready && status.state?.running && containerReason(status) === undefined).length
  if (reason === undefined) return { ready }
  // Some are done and others still serve: the pod as a whole runs.
  if (reason === 'Completed' && ready > 0) return { ready, reason: podCondition(pod, 'Ready')?.status === 'True' ? 'Running' : 'NotReady' }
  return { ready, reason }
}

function containerReason({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason
  return state?.terminated && endReason(state.terminated)
}

function endReason({ reason, signal, exitCode }: ContainerStateTerminated): string {
  if (reason) return reason
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function podReason({ status }: Pod): string {
  const scheduled = status?.conditions?.find(condition => condition.type === 'PodScheduled')
  if (scheduled?.reason === 'SchedulingGated') return 'SchedulingGated'
  return status?.reason || status?.phase || ''
}

function deletionStatus(pod: Pod): string | undefined {
  if (!pod.metadata.deletionTimestamp) return undefined
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  return isPodFinished(pod) ? undefined : 'Terminating'
}

function latestEnd(statuses: readonly ContainerStatus[]): string | undefined {
  return statuses
    .flatMap(status => status.lastState?.terminated?.finishedAt ?? [])
    .reduce<string | undefined>(
      (latest, time) => (latest === undefined || Date.parse(time) > Date.parse(latest) ? time : latest),
      undefined,
    )
}

function restartsCell(pod: Pod, now: number): string {
  const { restarts, lastRestart } = podSummary(pod)
  return restarts > 0 && lastRestart ? `${restarts} (${ageSince(lastRestart, now)} ago)` : String(restarts)
}

function readinessGatesCell(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const open = gates.filter(({ conditionType }) => podCondition(pod, conditionType)?.status === 'True')
  return `${open.length}/${gates.length}`
}

export const podColumns: readonly PrinterColumn<Pod>[] = [
  nameColumn,
  {
    name: 'Ready',
    type: 'string',
    description: 'Containers that are ready, of how many.',
    value: pod => {
      const { ready, total } = podSummary(pod)
      return `${ready}/${total}`
    },
  },
  { name: 'Status', type: 'string', description: 'What the containers are doing, in one word.', value: pod => podSummary(pod).status },
  { name: 'Restarts', type: 'string', description: 'How often containers were restarted, and when last.', value: restartsCell },
  ageColumn,
  {
    name: 'IP',
    type: 'string',
    priority: 1,
    description: 'Address of the pod.',
    value: pod => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || '<none>',
  },
  { name: 'Node', type: 'string', priority: 1, description: 'Node the pod runs on.', value: pod => pod.spec.nodeName || '<none>' },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    description: 'Node on which others are being displaced for the pod.',
    value: pod => pod.status?.nominatedNodeName || '<none>',
  },
  {
    name: 'Readiness Gates',
    type: 'string',
    priority: 1,
    description: 'Readiness gates that are open, of how many.',
    value: readinessGatesCell,
  },
]
