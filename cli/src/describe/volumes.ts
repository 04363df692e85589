import type { Volume, VolumeProjection } from '@davit/api'
import type { DescriptionWriter } from './writer.ts'

export function writeVolumes(out: DescriptionWriter, volumes: readonly Volume[] | undefined, isTemplate: boolean): void {
  const space = isTemplate ? '  ' : ''
  out.raw(`${space}Volumes:${volumes?.length ? '' : '\t<none>'}\n`)
  for (const volume of volumes ?? []) {
    out.raw(`  ${isTemplate ? ' ' : ''}${volume.name}:\n`)
    for (const [name, value] of volumeFields(volume)) out.field(2, name, value)
    for (const { path, fieldRef, resourceFieldRef } of volume.downwardAPI?.items ?? [])
      out.line(3, `${fieldRef?.fieldPath ?? resourceFieldRef?.resource} -> ${path}`)
  }
}

function volumeFields(volume: Volume): [string, unknown][] {
  if (volume.hostPath) {
    return [
      ['Type', 'HostPath (bare host directory volume)'],
      ['Path', volume.hostPath.path],
      ['HostPathType', volume.hostPath.type ?? '<none>'],
    ]
  }
  if (volume.emptyDir) {
    return [
      ['Type', "EmptyDir (a temporary directory that shares a pod's lifetime)"],
      ['Medium', volume.emptyDir.medium ?? ''],
      ['SizeLimit', volume.emptyDir.sizeLimit ?? '<unset>'],
    ]
  }
  if (volume.secret) {
    return [
      ['Type', 'Secret (a volume populated by a Secret)'],
      ['SecretName', volume.secret.secretName ?? ''],
      ['Optional', volume.secret.optional === true],
    ]
  }
  if (volume.configMap) {
    return [
      ['Type', 'ConfigMap (a volume populated by a ConfigMap)'],
      ['Name', volume.configMap.name ?? ''],
      ['Optional', volume.configMap.optional === true],
    ]
  }
  if (volume.persistentVolumeClaim) {
    return [
      ['Type', 'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)'],
      ['ClaimName', volume.persistentVolumeClaim.claimName],
      ['ReadOnly', volume.persistentVolumeClaim.readOnly === true],
    ]
  }
  if (volume.nfs) {
    return [
      ['Type', 'NFS (an NFS mount that lasts the lifetime of a pod)'],
      ['Server', volume.nfs.server],
      ['Path', volume.nfs.path],
      ['ReadOnly', volume.nfs.readOnly === true],
    ]
  }
  if (volume.downwardAPI) {
    return [
      ['Type', 'DownwardAPI (a volume populated by information about the pod)'],
      ['Items', ''],
    ]
  }
  if (volume.projected) {
    return [
      ['Type', 'Projected (a volume that contains injected data from multiple sources)'],
      ...(volume.projected.sources ?? []).flatMap(projectionFields),
    ]
  }
  const [source = 'unknown'] = Object.keys(volume).filter(name => name !== 'name')
  return [['Type', source]]
}

function projectionFields({ secret, configMap, downwardAPI, serviceAccountToken }: VolumeProjection): [string, unknown][] {
  if (secret) {
    return [
      ['SecretName', secret.name ?? ''],
      ['SecretOptionalName', secret.optional ?? '<nil>'],
    ]
  }
  if (configMap) {
    return [
      ['ConfigMapName', configMap.name ?? ''],
      ['ConfigMapOptional', configMap.optional ?? '<nil>'],
    ]
  }
  if (downwardAPI) return [['DownwardAPI', true]]
  return serviceAccountToken ? [['TokenExpirationSeconds', serviceAccountToken.expirationSeconds ?? 3600]] : []
}
