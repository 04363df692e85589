/** Containers as `describe` shows them, in pods and in templates. */
import type { Container, ContainerState, ContainerStatus, EnvVar, Pod, Probe, Quantity } from '@davit/api'
import { type DescriptionWriter, formatDate, orNone, titleBool } from './writer.ts'

export interface ContainerContext {
  /** Templates stand one space further in than pods. */
  isTemplate: boolean
  /** Undefined for templates, which have no state. */
  statuses?: readonly ContainerStatus[] | undefined
  /** Whose fields environment variables refer to. */
  pod?: Pod
}

export function writeContainers(out: DescriptionWriter, label: string, containers: readonly Container[], context: ContainerContext): void {
  const space = context.isTemplate ? '  ' : ''
  out.raw(`${space}${label}:${containers.length === 0 ? ' <none>' : ''}\n`)
  for (const container of containers) {
    const status = context.statuses?.find(({ name }) => name === container.name)
    out.raw(`  ${context.isTemplate ? ' ' : ''}${container.name}:\n`)
    writeBasics(out, container, status)
    writeCommand(out, 'Command', container.command)
    writeCommand(out, 'Args', container.args)
    if (status) writeStatus(out, status)
    writeQuantities(out, 'Limits', container.resources?.limits)
    writeQuantities(out, 'Requests', container.resources?.requests)
    if (container.livenessProbe) out.field(2, 'Liveness', probeText(container.livenessProbe))
    if (container.readinessProbe) out.field(2, 'Readiness', probeText(container.readinessProbe))
    if (container.startupProbe) out.field(2, 'Startup', probeText(container.startupProbe))
    writeEnvironment(out, container, context.pod)
    writeMounts(out, container)
  }
}

function writeBasics(out: DescriptionWriter, { image, ports = [], securityContext }: Container, status: ContainerStatus | undefined): void {
  if (status) out.field(2, 'Container ID', status.containerID ?? '')
  out.field(2, 'Image', image)
  if (status) out.field(2, 'Image ID', status.imageID)
  const own = ports.map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`)
  const onHost = ports.map(({ hostPort = 0, protocol = 'TCP' }) => `${hostPort}/${protocol}`)
  out.field(2, own.length > 1 ? 'Ports' : 'Port', orNone(own.join(', ')))
  out.field(2, onHost.length > 1 ? 'Host Ports' : 'Host Port', orNone(onHost.join(', ')))
  const seccomp = securityContext?.seccompProfile
  if (seccomp) out.field(2, 'SeccompProfile', seccomp.type)
  if (seccomp?.type === 'Localhost') out.field(3, 'LocalhostProfile', seccomp.localhostProfile ?? '')
}

function writeCommand(out: DescriptionWriter, label: string, words: readonly string[] | undefined): void {
  if (!words?.length) return
  out.line(2, `${label}:`)
  for (const word of words) for (const line of word.split('\n')) out.line(3, line)
}

function writeStatus(out: DescriptionWriter, status: ContainerStatus): void {
  writeState(out, 'State', status.state)
  if (status.lastState?.terminated) writeState(out, 'Last State', status.lastState)
  out.field(2, 'Ready', titleBool(status.ready))
  out.field(2, 'Restart Count', status.restartCount)
}

function writeState(out: DescriptionWriter, label: string, state: ContainerState | undefined): void {
  if (state?.running) {
    out.field(2, label, 'Running')
    out.field(3, 'Started', formatDate(state.running.startedAt))
  } else if (state?.terminated) {
    const { reason, message, exitCode, signal, startedAt, finishedAt } = state.terminated
    out.field(2, label, 'Terminated')
    if (reason) out.field(3, 'Reason', reason)
    if (message) out.field(3, 'Message', message)
    out.field(3, 'Exit Code', exitCode)
    if (signal) out.field(3, 'Signal', signal)
    out.field(3, 'Started', formatDate(startedAt))
    out.field(3, 'Finished', formatDate(finishedAt))
  } else {
    out.field(2, label, 'Waiting')
    if (state?.waiting?.reason) out.field(3, 'Reason', state.waiting.reason)
  }
}

/** Limits, requests or capacity, sorted by name. */
export function writeQuantities(
  out: DescriptionWriter,
  label: string,
  quantities: Readonly<Record<string, Quantity>> | undefined,
  level = 2,
): void {
  const entries = Object.entries(quantities ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) return
  out.line(level, `${label}:`)
  for (const [name, quantity] of entries) out.field(level + 1, name, quantity)
}

/** `http-get http://:80/ delay=0s timeout=1s period=10s #success=1 #failure=3` */
function probeText(probe: Probe): string {
  const { initialDelaySeconds = 0, timeoutSeconds = 0, periodSeconds = 0, successThreshold = 0, failureThreshold = 0 } = probe
  const times = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s #success=${successThreshold} #failure=${failureThreshold}`
  if (probe.exec) return `exec [${(probe.exec.command ?? []).join(' ')}] ${times}`
  if (probe.httpGet) {
    const { scheme = 'HTTP', host = '', port, path = '' } = probe.httpGet
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path && !path.startsWith('/') ? '/' : ''}${path} ${times}`
  }
  if (probe.tcpSocket) return `tcp-socket ${probe.tcpSocket.host ?? ''}:${probe.tcpSocket.port} ${times}`
  if (probe.grpc) return `grpc <pod>:${probe.grpc.port} ${probe.grpc.service ?? ''} ${times}`
  return `unknown ${times}`
}

function writeEnvironment(out: DescriptionWriter, container: Container, pod: Pod | undefined): void {
  if (container.envFrom?.length) {
    out.line(2, 'Environment Variables from:')
    for (const { prefix, configMapRef, secretRef } of container.envFrom) {
      const source = configMapRef ?? secretRef
      const kind = configMapRef ? 'ConfigMap' : 'Secret'
      out.line(3, source?.name ?? '', prefix ? `${kind} with prefix '${prefix}'` : kind, `Optional: ${source?.optional === true}`)
    }
  }
  const env = container.env ?? []
  out.raw(`    Environment:${env.length === 0 ? '\t<none>' : ''}\n`)
  for (const variable of env) writeVariable(out, variable, { container, pod })
}

function writeVariable(
  out: DescriptionWriter,
  { name, value = '', valueFrom }: EnvVar,
  { container, pod }: { container: Container; pod: Pod | undefined },
): void {
  if (!valueFrom) {
    for (const [at, line] of value.split('\n').entries()) out.line(3, at === 0 ? `${name}:` : '', line)
  } else if (valueFrom.fieldRef) {
    const { apiVersion = 'v1', fieldPath } = valueFrom.fieldRef
    out.line(3, `${name}:`, `${pod ? ` ${fieldValue(pod, fieldPath)}`.trimStart() : ''} (${apiVersion}:${fieldPath})`)
  } else if (valueFrom.resourceFieldRef) {
    const { resource } = valueFrom.resourceFieldRef
    const [group = '', resourceName = ''] = resource.split('.')
    const amount = group === 'limits' ? container.resources?.limits?.[resourceName] : container.resources?.requests?.[resourceName]
    out.line(3, `${name}:`, `${amount ?? (group === 'limits' ? 'node allocatable' : '0')} (${resource})`)
  } else if (valueFrom.secretKeyRef) {
    const { key, name: secret = '', optional } = valueFrom.secretKeyRef
    out.line(3, `${name}:`, `<set to the key '${key}' in secret '${secret}'>`, `Optional: ${optional === true}`)
  } else if (valueFrom.configMapKeyRef) {
    const { key, name: configMap = '', optional } = valueFrom.configMapKeyRef
    out.line(3, `${name}:`, `<set to the key '${key}' of config map '${configMap}'>`, `Optional: ${optional === true}`)
  }
}

function fieldValue({ metadata, spec, status }: Pod, path: string): string {
  const label = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (label) return (label[1] === 'labels' ? metadata.labels : metadata.annotations)?.[label[2]!] ?? ''
  const values: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName,
    'status.podIP': status?.podIP,
    'status.hostIP': status?.hostIP,
  }
  return values[path] ?? ''
}

function writeMounts(out: DescriptionWriter, { volumeMounts = [], volumeDevices = [] }: Container): void {
  out.raw(`    Mounts:${volumeMounts.length === 0 ? '\t<none>' : ''}\n`)
  for (const { mountPath, name, readOnly, subPath } of volumeMounts.toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1))) {
    const flags = [readOnly ? 'ro' : 'rw', ...(subPath ? [`path=${JSON.stringify(subPath)}`] : [])]
    out.line(3, `${mountPath} from ${name} (${flags.join(',')})`)
  }
  if (volumeDevices.length === 0) return
  out.line(2, 'Devices:')
  for (const { devicePath, name } of volumeDevices) out.line(3, `${devicePath} from ${name}`)
}
