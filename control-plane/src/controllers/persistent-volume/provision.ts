/** Volumes that Davit makes itself, for StorageClasses whose provisioner is `davit.dev/local`: pure. */
import {
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type PersistentVolumeSource,
  type StorageClass,
  VOLUMES,
} from '@davit/api'
import { ANNOTATIONS, claimReference, isKeptByDocker } from '../../volumes/index.ts'

/** The volume of a claim, or why there can be none. */
export type Provisioned = { volume: PersistentVolume } | { volume: undefined; why: string }

const OPTION_PREFIX = 'opt.'
const KNOWN = ['path', 'volume', 'driver', 'scope']

/** The volume for `claim` on `node`. Its name follows from the claim, so that it is made once however often that is tried. */
export function provisionVolume(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node): Provisioned {
  const parameters = storageClass.parameters ?? {}
  const why = wrongParameters(parameters) ?? wrongClaim(claim)
  if (why) return { volume: undefined, why }
  const name = volumeNameOf(claim)
  const source = isKeptByDocker(storageClass) ? dockerSource(name, parameters) : directorySource(name, parameters, node)
  if (!source) return { volume: undefined, why: `node "${node.metadata.name}" does not say where its volumes are kept` }
  return { volume: volumeOf(claim, storageClass, node, { name, source, isGlobal: isGlobal(parameters) }) }
}

function volumeNameOf({ metadata }: PersistentVolumeClaim): string {
  return `pvc-${metadata.uid}`
}

function volumeOf(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: Node,
  { name, source, isGlobal }: { name: string; source: PersistentVolumeSource; isGlobal: boolean },
): PersistentVolume {
  const hostname = node.metadata.labels?.[VOLUMES.hostnameLabel] ?? node.metadata.name ?? ''
  const matchExpressions = [{ key: VOLUMES.hostnameLabel, operator: 'In' as const, values: [hostname] }]
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name,
      // A volume that every node can reach gets its label when it is to be removed.
      ...(!isGlobal && { labels: { [VOLUMES.hostnameLabel]: node.metadata.name ?? '' } }),
      annotations: { [ANNOTATIONS.provisionedBy]: VOLUMES.provisioner },
    },
    spec: {
      ...source,
      capacity: { storage: claim.spec.resources?.requests?.storage ?? 0 },
      accessModes: claim.spec.accessModes ?? [],
      claimRef: claimReference(claim),
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name ?? '',
      volumeMode: 'Filesystem',
      ...(storageClass.mountOptions && { mountOptions: storageClass.mountOptions }),
      ...(!isGlobal && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } }),
    },
  }
}

function directorySource(name: string, { path }: Readonly<Record<string, string>>, { metadata }: Node): PersistentVolumeSource | undefined {
  const directory = path ?? metadata.annotations?.[VOLUMES.directoryAnnotation]
  return directory ? { local: { path: `${directory.replace(/\/+$/, '')}/${name}` } } : undefined
}

function dockerSource(name: string, parameters: Readonly<Record<string, string>>): PersistentVolumeSource {
  const options = Object.entries(parameters).filter(([key]) => key.startsWith(OPTION_PREFIX))
  const volumeAttributes = { driver: parameters.driver ?? 'local', ...Object.fromEntries(options) }
  return { csi: { driver: VOLUMES.dockerDriver, volumeHandle: name, volumeAttributes } }
}

/** A Docker volume that every node sees, as its plug-in keeps it elsewhere. */
function isGlobal({ volume, driver = 'local', scope }: Readonly<Record<string, string>>): boolean {
  return volume === 'docker' && driver !== 'local' && scope === 'global'
}

function wrongParameters(parameters: Readonly<Record<string, string>>): string | undefined {
  const unknown = Object.keys(parameters).find(name => !KNOWN.includes(name) && !name.startsWith(OPTION_PREFIX))
  if (unknown !== undefined) return `StorageClass parameter "${unknown}" is not known`
  const { path, volume = 'directory', scope = 'local' } = parameters
  if (path !== undefined && (!path.startsWith('/') || path.split('/').includes('..'))) {
    return `StorageClass parameter "path" is "${path}", wanted an absolute path without ".."`
  }
  if (volume !== 'directory' && volume !== 'docker') return `StorageClass parameter "volume" is "${volume}", wanted "directory" or "docker"`
  if (scope !== 'local' && scope !== 'global') return `StorageClass parameter "scope" is "${scope}", wanted "local" or "global"`
  return undefined
}

function wrongClaim({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec.volumeMode === 'Block') return 'volumeMode Block is not supported by this provisioner'
  if (spec.selector) return 'claim Selector is not supported'
  if (spec.dataSourceRef ?? spec.dataSource) return 'a dataSource is not supported by this provisioner'
  return undefined
}
