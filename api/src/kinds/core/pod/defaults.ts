/** What Kubernetes fills in where a manifest says nothing. All idempotent; empty strings count as unsaid, as in Go. */
import { defaultContainer, isLatest } from './container-defaults.ts'
import type { Container, ContainerStatus } from './container-types.ts'
import { podQosClass } from './resources.ts'
import type { Pod, PodSpec } from './types.ts'
import type { DownwardApiVolumeFile, Volume } from './volume-types.ts'

/** `rw-r--r--`. */
const FILE_MODE = 0o644
const TOKEN_LIFE_SECONDS = 3600

/** Defaults of a pod's spec wherever it stands, so also within templates. Changes `spec`. */
export function applyPodSpecDefaults(spec: PodSpec): void {
  // An empty list is decoded as none; validation says that one is needed.
  spec.containers ??= []
  spec.restartPolicy ||= 'Always'
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.schedulerName ||= 'default-scheduler'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  // Both names are served; the newer one counts.
  spec.serviceAccountName ||= spec.serviceAccount ?? ''
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  else delete spec.serviceAccountName
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
  for (const container of containersOf(spec)) defaultContainer(container)
}

/** Defaults of a whole Pod: those of its spec, and what only a pod gets, not a template. Changes `pod`. */
export function applyPodDefaults(pod: Pod): void {
  pod.spec ??= { containers: [] }
  const { spec } = pod
  applyPodSpecDefaults(spec)
  spec.enableServiceLinks ??= true
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const { limits } = container.resources ?? {}
    if (limits) container.resources = { ...container.resources, requests: { ...limits, ...container.resources?.requests } }
    defaultResizePolicy(container)
    if (!spec.hostNetwork) continue
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort
  }
  applyStatusDefaults(pod)
}

/** What is not limited to begin with needs no policy. */
function defaultResizePolicy(container: Container): void {
  const { limits = {}, requests = {} } = container.resources ?? {}
  for (const resourceName of ['cpu', 'memory']) {
    if (limits[resourceName] === undefined && requests[resourceName] === undefined) continue
    if (container.resizePolicy?.some(policy => policy.resourceName === resourceName)) continue
    container.resizePolicy = [...(container.resizePolicy ?? []), { resourceName, restartPolicy: 'NotRequired' }]
  }
}

function containersOf(spec: PodSpec) {
  return [...(spec.containers ?? []), ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]
}

function applyStatusDefaults(pod: Pod): void {
  pod.status ??= {}
  const { status } = pod
  status.phase ||= 'Pending'
  status.qosClass ||= qosClass(pod)
  // Clients in typed languages insist on these fields, and servers in Go always send them.
  for (const container of [status.initContainerStatuses, status.containerStatuses, status.ephemeralContainerStatuses].flat()) {
    if (container) defaultContainerStatus(container)
  }
}

function qosClass(pod: Pod) {
  try {
    return podQosClass(pod)
  } catch (err) {
    // A malformed quantity; validation says so, and this pod is never stored.
    if (err instanceof RangeError) return 'BestEffort'
    throw err
  }
}

function defaultContainerStatus(status: ContainerStatus): void {
  status.ready ??= false
  status.restartCount ??= 0
  status.image ??= ''
  status.imageID ??= ''
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every(key => key === 'name')) volume.emptyDir = {}
  if (volume.hostPath) volume.hostPath.type ??= ''
  if (volume.secret) volume.secret.defaultMode ??= FILE_MODE
  if (volume.configMap) volume.configMap.defaultMode ??= FILE_MODE
  if (volume.image) volume.image.pullPolicy ||= isLatest(volume.image.reference ?? '') ? 'Always' : 'IfNotPresent'
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default'
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec
  if (claim) claim.volumeMode ||= 'Filesystem'
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= FILE_MODE
    defaultDownwardFiles(volume.downwardAPI.items)
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= FILE_MODE
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_LIFE_SECONDS
      defaultDownwardFiles(source.downwardAPI?.items)
    }
  }
}

function defaultDownwardFiles(files: DownwardApiVolumeFile[] | undefined): void {
  for (const { fieldRef } of files ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1'
}
