import { ageSince, controllerOf, type Pod, podQosClass } from '@davit/api'
import { writeContainers } from './containers.ts'
import type { Describer } from './describer.ts'
import { eventsOf, writeEvents } from './events.ts'
import { writeSpread, writeTolerations } from './pod-template.ts'
import { writeVolumes } from './volumes.ts'
import { type DescriptionWriter, formatDate, orNone, writeAnnotations, writeMap } from './writer.ts'

export const describePod: Describer<Pod> = async (out, pod, { session, now, showEvents }) => {
  const { metadata, spec, status } = pod
  writeHead(out, pod)
  if (metadata.deletionTimestamp && status?.phase !== 'Failed' && status?.phase !== 'Succeeded') {
    out.field(0, 'Status', `Terminating (lasts ${ageSince(metadata.deletionTimestamp, now)})`)
    out.field(0, 'Termination Grace Period', `${metadata.deletionGracePeriodSeconds ?? 0}s`)
  } else out.field(0, 'Status', status?.phase ?? '')
  if (status?.reason) out.field(0, 'Reason', status.reason)
  if (status?.message) out.field(0, 'Message', status.message)
  if (spec.securityContext?.seccompProfile) out.field(0, 'SeccompProfile', spec.securityContext.seccompProfile.type)
  writeAddresses(out, pod)
  const controller = controllerOf(pod)
  if (controller) out.field(0, 'Controlled By', `${controller.kind}/${controller.name}`)
  if (status?.nominatedNodeName) out.field(0, 'NominatedNodeName', status.nominatedNodeName)
  if (spec.initContainers?.length) {
    writeContainers(out, 'Init Containers', spec.initContainers, { isTemplate: false, statuses: status?.initContainerStatuses, pod })
  }
  writeContainers(out, 'Containers', spec.containers, { isTemplate: false, statuses: status?.containerStatuses, pod })
  if (spec.ephemeralContainers?.length) {
    writeContainers(out, 'Ephemeral Containers', spec.ephemeralContainers, {
      isTemplate: false,
      statuses: status?.ephemeralContainerStatuses,
      pod,
    })
  }
  writeConditions(out, pod)
  writeVolumes(out, spec.volumes, false)
  out.field(0, 'QoS Class', status?.qosClass ?? podQosClass(pod))
  writeMap(out, 0, 'Node-Selectors', spec.nodeSelector)
  writeTolerations(out, spec.tolerations, 0)
  writeSpread(out, spec.topologySpreadConstraints, 0)
  if (showEvents) writeEvents(out, await eventsOf(session, pod), now)
}

function writeHead(out: DescriptionWriter, { metadata, spec, status }: Pod): void {
  out.field(0, 'Name', metadata.name)
  out.field(0, 'Namespace', metadata.namespace)
  if (spec.priority !== undefined) out.field(0, 'Priority', spec.priority)
  if (spec.priorityClassName) out.field(0, 'Priority Class Name', spec.priorityClassName)
  if (spec.runtimeClassName) out.field(0, 'Runtime Class Name', spec.runtimeClassName)
  if (spec.serviceAccountName) out.field(0, 'Service Account', spec.serviceAccountName)
  out.field(0, 'Node', spec.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ''}` : '<none>')
  if (status?.startTime) out.field(0, 'Start Time', formatDate(status.startTime))
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
}

function writeAddresses(out: DescriptionWriter, { status }: Pod): void {
  out.field(0, 'IP', status?.podIP ?? '')
  const addresses = status?.podIPs ?? []
  if (addresses.length === 0) out.line(0, 'IPs:', '<none>')
  else out.line(0, 'IPs:')
  for (const { ip } of addresses) out.field(1, 'IP', orNone(ip))
}

function writeConditions(out: DescriptionWriter, { spec, status }: Pod): void {
  const conditions = status?.conditions ?? []
  if (spec.readinessGates?.length) {
    out.line(0, 'Readiness Gates:')
    out.line(1, 'Type', 'Status')
    for (const { conditionType } of spec.readinessGates) {
      out.line(1, `${conditionType} `, `${conditions.find(({ type }) => type === conditionType)?.status ?? '<none>'} `)
    }
  }
  if (conditions.length === 0) return
  out.line(0, 'Conditions:')
  out.line(1, 'Type', 'Status')
  for (const { type, status: state } of conditions) out.line(1, `${type} `, `${state} `)
}
