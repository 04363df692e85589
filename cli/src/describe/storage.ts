import {
  formatAccessModes,
  formatLabels,
  isDefaultStorageClass,
  type NodeSelectorTerm,
  type PersistentVolume,
  type PersistentVolumeClaim,
  podKind,
  type StorageClass,
} from '@davit/api'
import type { Describer } from './describer.ts'
import { eventsOf, writeEvents } from './events.ts'
import { type DescriptionWriter, formatDate, orNone, orUnset, titleBool, writeAnnotations, writeMap } from './writer.ts'

export const describeClaim: Describer<PersistentVolumeClaim> = async (out, claim, { session, now, showEvents }) => {
  const { metadata, spec, status } = claim
  out.field(0, 'Name', metadata.name)
  out.field(0, 'Namespace', metadata.namespace)
  out.field(0, 'StorageClass', spec.storageClassName ?? '')
  const phase = status?.phase ?? ''
  out.field(0, 'Status', metadata.deletionTimestamp ? `Terminating (since ${formatDate(metadata.deletionTimestamp)})` : phase)
  out.field(0, 'Volume', spec.volumeName ?? '')
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  out.field(0, 'Finalizers', `[${(metadata.finalizers ?? []).join(' ')}]`)
  out.field(0, 'Capacity', spec.volumeName ? (status?.capacity?.storage ?? '') : '')
  out.field(0, 'Access Modes', spec.volumeName ? formatAccessModes(status?.accessModes) : '')
  out.field(0, 'VolumeMode', spec.volumeMode ?? 'Filesystem')
  const source = spec.dataSource ?? spec.dataSourceRef
  if (source) {
    out.line(0, 'DataSource:')
    if (source.apiGroup) out.field(1, 'APIGroup', source.apiGroup)
    out.field(1, 'Kind', source.kind)
    out.field(1, 'Name', source.name)
  }
  const { items: pods } = await session.client.resource(podKind).list({ namespace: metadata.namespace ?? '' })
  const users = pods
    .filter(pod =>
      pod.spec.volumes?.some(({ name, persistentVolumeClaim, ephemeral }) => {
        return (persistentVolumeClaim?.claimName ?? (ephemeral && `${pod.metadata.name}-${name}`)) === metadata.name
      }),
    )
    .map(pod => pod.metadata.name ?? '')
  for (const [at, name] of (users.length > 0 ? users : ['<none>']).entries()) out.line(0, at === 0 ? 'Used By:' : '', name)
  if (status?.conditions?.length) {
    out.line(0, 'Conditions:')
    out.line(1, 'Type', 'Status', 'LastProbeTime', 'LastTransitionTime', 'Reason', 'Message')
    out.line(1, '----', '------', '-----------------', '------------------', '------', '-------')
    for (const { type, status: state, lastProbeTime, lastTransitionTime, reason = '', message = '' } of status.conditions) {
      out.line(1, type, state, formatDate(lastProbeTime), formatDate(lastTransitionTime), reason, message)
    }
  }
  if (showEvents) writeEvents(out, await eventsOf(session, claim), now)
}

export const describeVolume: Describer<PersistentVolume> = async (out, volume, { session, now, showEvents }) => {
  const { metadata, spec, status } = volume
  out.field(0, 'Name', metadata.name)
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  out.field(0, 'Finalizers', `[${(metadata.finalizers ?? []).join(' ')}]`)
  out.field(0, 'StorageClass', spec.storageClassName ?? '')
  out.field(
    0,
    'Status',
    metadata.deletionTimestamp ? `Terminating (since ${formatDate(metadata.deletionTimestamp)})` : (status?.phase ?? ''),
  )
  out.field(0, 'Claim', spec.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '')
  out.field(0, 'Reclaim Policy', spec.persistentVolumeReclaimPolicy ?? '')
  out.field(0, 'Access Modes', formatAccessModes(spec.accessModes))
  out.field(0, 'VolumeMode', spec.volumeMode ?? 'Filesystem')
  out.field(0, 'Capacity', spec.capacity?.storage ?? '')
  writeAffinity(out, spec.nodeAffinity?.required?.nodeSelectorTerms)
  out.field(0, 'Message', status?.message ?? '')
  out.line(0, 'Source:')
  for (const [name, value] of sourceFields(volume)) out.field(2, name, value)
  if (showEvents) writeEvents(out, await eventsOf(session, volume), now)
}

function writeAffinity(out: DescriptionWriter, terms: readonly NodeSelectorTerm[] | undefined): void {
  if (!terms) {
    out.field(0, 'Node Affinity', '<none>')
    return
  }
  out.field(0, 'Node Affinity', '')
  out.field(1, 'Required Terms', terms.length === 0 ? '<none>' : '')
  for (const [index, { matchExpressions = [] }] of terms.entries()) {
    const texts = matchExpressions.map(({ key, operator, values }) => {
      return `${key} ${operator.toLowerCase()}${values?.length ? ` [${values.join(', ')}]` : ''}`
    })
    for (const [at, text] of (texts.length > 0 ? texts : ['<none>']).entries()) out.line(2, at === 0 ? `Term ${index}:` : '', text)
  }
}

function sourceFields({ spec }: PersistentVolume): [string, unknown][] {
  const { hostPath, local, nfs, csi } = spec
  if (hostPath)
    return [
      ['Type', 'HostPath (bare host directory volume)'],
      ['Path', hostPath.path],
      ['HostPathType', hostPath.type ?? ''],
    ]
  if (local)
    return [
      ['Type', 'LocalVolume (a persistent volume backed by local storage on a node)'],
      ['Path', local.path],
    ]
  if (nfs) {
    const type = 'NFS (an NFS mount that lasts the lifetime of a pod)'
    return [
      ['Type', type],
      ['Server', nfs.server],
      ['Path', nfs.path],
      ['ReadOnly', nfs.readOnly === true],
    ]
  }
  if (csi) {
    const type = 'CSI (a Container Storage Interface (CSI) volume source)'
    const attributes = Object.entries(csi.volumeAttributes ?? {}).map(([name, value]) => `${name}=${value}`)
    return [
      ['Type', type],
      ['Driver', csi.driver],
      ['FSType', csi.fsType ?? ''],
      ['VolumeHandle', csi.volumeHandle],
      ['ReadOnly', csi.readOnly === true],
      ['VolumeAttributes', attributes.join(',') || '<none>'],
    ]
  }
  return [['Type', '<unknown>']]
}

export const describeStorageClass: Describer<StorageClass> = async (out, storageClass, { session, now, showEvents }) => {
  const { metadata } = storageClass
  out.field(0, 'Name', metadata.name)
  out.field(0, 'IsDefaultClass', isDefaultStorageClass(storageClass) ? 'Yes' : 'No')
  // On one line, as kubectl writes them here and nowhere else.
  out.field(0, 'Annotations', formatLabels(metadata.annotations))
  out.field(0, 'Provisioner', storageClass.provisioner)
  const parameters = Object.entries(storageClass.parameters ?? {}).map(([name, value]) => `${name}=${value}`)
  out.field(0, 'Parameters', orNone(parameters.sort().join(',')))
  const { allowVolumeExpansion, mountOptions = [] } = storageClass
  out.field(0, 'AllowVolumeExpansion', allowVolumeExpansion === undefined ? '<unset>' : titleBool(allowVolumeExpansion))
  for (const [at, option] of (mountOptions.length > 0 ? mountOptions : ['<none>']).entries())
    out.line(0, at === 0 ? 'MountOptions:' : '', option)
  out.field(0, 'ReclaimPolicy', orUnset(storageClass.reclaimPolicy))
  out.field(0, 'VolumeBindingMode', orUnset(storageClass.volumeBindingMode))
  if (showEvents) writeEvents(out, await eventsOf(session, storageClass), now)
}
