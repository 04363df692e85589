/**
 * Sources of storage that Kubernetes has retired or moved to CSI. Pods and volumes may name them; a node says that it cannot
 * mount them.
 */
import type { z } from 'zod'
import { once } from '../../../once.ts'
import { boolean, field, int32, object, required, string, stringMap, strings } from '../../../schema/fields.ts'
import { localObjectReference } from './reference-schema.ts'

/** In the order of their names. */
const RETIRED_SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const

/** Those that a PersistentVolume may name. */
export const RETIRED_PERSISTENT_SOURCES = RETIRED_SOURCES.filter(source => source !== 'gitRepo')

const fsType = () => ({ fsType: string('Filesystem on it.') })
const readOnly = () => ({ readOnly: boolean('Mount read-only.') })
const partition = () => ({ partition: int32('Number of the partition; 0 for the whole disk.') })

/** What is the same in pods and in volumes. */
const common = once(() => ({
  awsElasticBlockStore: object('AWSElasticBlockStoreVolumeSource', 'A disk of AWS.', {
    ...{ volumeID: required(string('Id of the disk.')), ...fsType(), ...partition(), ...readOnly() },
  }),
  azureDisk: object('AzureDiskVolumeSource', 'A disk of Azure.', {
    diskName: required(string('Name of the disk.')),
    diskURI: required(string('Address of the disk.')),
    cachingMode: string('None, ReadOnly or ReadWrite.'),
    kind: string('Shared, Dedicated or Managed.'),
    ...{ ...fsType(), ...readOnly() },
  }),
  flocker: object('FlockerVolumeSource', 'A data set of Flocker.', {
    datasetName: string('Name of the data set.'),
    datasetUUID: string('Id of the data set.'),
  }),
  gcePersistentDisk: object('GCEPersistentDiskVolumeSource', 'A disk of Google Compute Engine.', {
    ...{ pdName: required(string('Name of the disk.')), ...fsType(), ...partition(), ...readOnly() },
  }),
  photonPersistentDisk: object('PhotonPersistentDiskVolumeSource', 'A disk of Photon.', {
    ...{ pdID: required(string('Id of the disk.')), ...fsType() },
  }),
  portworxVolume: object('PortworxVolumeSource', 'A volume of Portworx.', {
    ...{ volumeID: required(string('Id of the volume.')), ...fsType(), ...readOnly() },
  }),
  quobyte: object('QuobyteVolumeSource', 'A volume of Quobyte.', {
    registry: required(string('Addresses of its registries.')),
    volume: required(string('Name of the volume.')),
    user: string('User who mounts it.'),
    group: string('Group that mounts it.'),
    tenant: string('Tenant that owns it.'),
    ...readOnly(),
  }),
  vsphereVolume: object('VsphereVirtualDiskVolumeSource', 'A disk of vSphere.', {
    volumePath: required(string('Path of the disk.')),
    storagePolicyName: string('Name of its policy.'),
    storagePolicyID: string('Id of its policy.'),
    ...fsType(),
  }),
}))

/** What names its Secret in one way in pods, in another in volumes; `Persistent` is in the name of the latter's component. */
const withSecret = (persistent: '' | 'Persistent', secret: z.ZodType) => {
  const component = (name: string) => `${name}${persistent}VolumeSource`
  const secretRef = field(secret, 'Secret to sign in with.')
  const monitors = required(strings('Addresses of its monitors.'))
  const namespaceOf = (name: string, what: string) => (persistent ? { [name]: string(`Namespace of the ${what}.`) } : {})
  return {
    azureFile: object(component('AzureFile'), 'A share of Azure.', {
      secretName: required(string('Secret with name and key of the account.')),
      shareName: required(string('Name of the share.')),
      ...{ ...readOnly(), ...namespaceOf('secretNamespace', 'Secret') },
    }),
    cephfs: object(component('CephFS'), 'A directory of CephFS.', {
      monitors,
      path: string('Directory; / by default.'),
      user: string('User; admin by default.'),
      secretFile: string('File on the node with the key of the user.'),
      ...{ secretRef, ...readOnly() },
    }),
    cinder: object(component('Cinder'), 'A disk of OpenStack.', {
      ...{ volumeID: required(string('Id of the disk.')), ...fsType(), ...readOnly(), secretRef },
    }),
    flexVolume: object(persistent ? 'FlexPersistentVolumeSource' : 'FlexVolumeSource', 'Storage that a program on the node mounts.', {
      driver: required(string('Name of the program.')),
      options: stringMap('What the program is told.'),
      ...{ ...fsType(), secretRef, ...readOnly() },
    }),
    glusterfs: object(component('Glusterfs'), 'A volume of GlusterFS.', {
      endpoints: required(string('Endpoints of its servers.')),
      path: required(string('Name of the volume.')),
      ...{ ...readOnly(), ...namespaceOf('endpointsNamespace', 'Endpoints') },
    }),
    rbd: object(component('RBD'), 'A block device of Ceph.', {
      monitors,
      image: required(string('Name of the image.')),
      pool: string('Pool of the image; rbd by default.'),
      user: string('User; admin by default.'),
      keyring: string('File on the node with the keys.'),
      ...{ ...fsType(), secretRef, ...readOnly() },
    }),
    scaleIO: object(component('ScaleIO'), 'A volume of ScaleIO.', {
      gateway: required(string('Address of its gateway.')),
      system: required(string('Name of the system.')),
      secretRef: required(secretRef),
      sslEnabled: boolean('Whether the gateway is spoken to by TLS.'),
      protectionDomain: string('Name of the protection domain.'),
      storagePool: string('Pool of the volume.'),
      storageMode: string('ThickProvisioned or ThinProvisioned.'),
      volumeName: string('Name of the volume.'),
      ...{ ...fsType(), ...readOnly() },
    }),
    storageos: object(component('StorageOS'), 'A volume of StorageOS.', {
      volumeName: string('Name of the volume.'),
      volumeNamespace: string('Namespace of the volume there.'),
      ...{ ...fsType(), ...readOnly(), secretRef },
    }),
  }
}

const gitRepo = once(() =>
  object('GitRepoVolumeSource', 'A git repository, cloned when the pod starts.', {
    repository: required(string('Address of the repository.')),
    revision: string('Commit to check out.'),
    directory: string('Directory it is cloned into.'),
  }),
)

/** Fields of a pod's volume, one for each of `RETIRED_SOURCES`. */
export const retiredSources = (): Record<string, z.ZodType> =>
  fieldsOf({ ...common(), ...withSecret('', localObjectReference()), gitRepo: gitRepo() })

/** Fields of a PersistentVolume; `secret` is how it names a Secret. */
export const retiredPersistentSources = (secret: z.ZodType): Record<string, z.ZodType> =>
  fieldsOf({ ...common(), ...withSecret('Persistent', secret) })

function fieldsOf(sources: Readonly<Record<string, z.ZodObject>>): Record<string, z.ZodType> {
  const describe = (schema: z.ZodObject) => field(schema, 'Retired by Kubernetes; accepted, but no node mounts it.')
  return Object.fromEntries(Object.entries(sources).map(([name, schema]) => [name, describe(schema)]))
}
