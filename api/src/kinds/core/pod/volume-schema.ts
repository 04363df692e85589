import type { z } from 'zod'
import { once } from '../../../once.ts'
import {
  boolean,
  field,
  int32,
  int64,
  list,
  object,
  oneOf,
  quantity,
  quantityMap,
  required,
  string,
  stringMap,
  strings,
} from '../../../schema/fields.ts'
import { labelSelectorSchema } from '../../../schema/label-selector.ts'
import { objectMetaSchema } from '../../../schema/object-meta.ts'
import { fieldRef, localObjectReference, resourceFieldRef, typedLocalObjectReference } from './reference-schema.ts'
import { retiredSources } from './retired-volumes.ts'

const MODE = 'Permission bits of the files, octal in YAML or decimal in JSON.'

const keysToPaths = (description: string) =>
  list(
    object('KeyToPath', 'A key and the file it becomes.', {
      key: required(string('Key to take.')),
      path: required(string("Path of the file within the volume; relative and without '..'.")),
      mode: int32("Permission bits of this file; otherwise the volume's default."),
    }),
    description,
  )

const downwardFiles = () =>
  list(
    object('DownwardAPIVolumeFile', 'A file that holds a field of the pod.', {
      path: required(string("Path of the file within the volume; relative and without '..'.")),
      fieldRef: field(fieldRef(), 'Field of the pod: its name, namespace, uid, labels or annotations.'),
      resourceFieldRef: field(resourceFieldRef(), "A container's limit or request."),
      mode: int32("Permission bits of this file; otherwise the volume's default."),
    }),
    'The files.',
  )

const projectedSource = () =>
  object('ProjectedVolumeSource', 'Several sources in one directory.', {
    sources: list(
      object('VolumeProjection', 'One of the sources; exactly one of its fields is set.', {
        secret: field(
          object('SecretProjection', 'Keys of a Secret as files.', {
            name: string('Name of the Secret.'),
            items: keysToPaths('Keys to take; all if empty.'),
            optional: boolean('Whether the Secret or its keys may be missing.'),
          }),
          'A Secret.',
        ),
        configMap: field(
          object('ConfigMapProjection', 'Keys of a ConfigMap as files.', {
            name: string('Name of the ConfigMap.'),
            items: keysToPaths('Keys to take; all if empty.'),
            optional: boolean('Whether the ConfigMap or its keys may be missing.'),
          }),
          'A ConfigMap.',
        ),
        downwardAPI: field(
          object('DownwardAPIProjection', 'Fields of the pod as files.', { items: downwardFiles() }),
          'Fields of the pod.',
        ),
        serviceAccountToken: field(
          object('ServiceAccountTokenProjection', "A token of the pod's service account, renewed before it expires.", {
            audience: string("Who the token is for; the API server's own audience by default."),
            expirationSeconds: int64('Life of the token; one hour by default, ten minutes at least.'),
            path: required(string('Path of the file within the volume.')),
          }),
          'A service account token.',
        ),
        clusterTrustBundle: field(
          object('ClusterTrustBundleProjection', 'Certificates of ClusterTrustBundles in one file. Accepted, but no node mounts it.', {
            name: string('Name of the bundle. Not together with signerName.'),
            signerName: string('All bundles of this signer that labelSelector selects.'),
            labelSelector: field(labelSelectorSchema(), 'Selects among the bundles of the signer; none if left out.'),
            optional: boolean('Whether the bundle may be missing.'),
            path: required(string('Path of the file within the volume.')),
          }),
          'Certificates of a cluster trust bundle.',
        ),
      }),
      'The sources.',
    ),
    defaultMode: int32(MODE),
  })

/** Claim of a PersistentVolumeClaim, as a template for one of the pod's own. */
export const persistentVolumeClaimSpecSchema = once(() =>
  object('PersistentVolumeClaimSpec', 'The storage that is asked for.', {
    accessModes: strings('How it is to be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod.'),
    selector: field(labelSelectorSchema(), 'Selects among existing volumes.'),
    resources: field(
      object('VolumeResourceRequirements', 'How much storage.', {
        limits: quantityMap('Most that may be given.'),
        requests: quantityMap('Least that must be given.'),
      }),
      'How much storage.',
    ),
    volumeName: string('Volume the claim is bound to.'),
    storageClassName: string("StorageClass that makes the volume; the cluster's default if absent."),
    volumeMode: oneOf(['Block', 'Filesystem'], 'Filesystem by default.'),
    dataSource: field(typedLocalObjectReference(), 'Snapshot or claim to start from.'),
    dataSourceRef: field(
      object('TypedObjectReference', 'An object.', {
        apiGroup: string('Group of the object.'),
        kind: required(string('Kind of the object.')),
        name: required(string('Name of the object.')),
        namespace: string('Namespace of the object.'),
      }),
      'Object to start from, of any kind.',
    ),
    volumeAttributesClassName: string('VolumeAttributesClass to set the volume up by.'),
  }),
)

/** The component `HostPathVolumeSource`. */
export const hostPathSource = once(() =>
  object('HostPathVolumeSource', 'A path of the node.', {
    path: required(string('Path on the node.')),
    type: oneOf(
      ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'],
      'What must be at the path, or is made there. Not checked if empty.',
    ),
  }),
)

/** The component `NFSVolumeSource`. */
export const nfsSource = once(() =>
  object('NFSVolumeSource', 'A directory exported by NFS.', {
    server: required(string('Host name or address of the server.')),
    path: required(string('Exported path.')),
    readOnly: boolean('Mount read-only.'),
  }),
)

/** The component `FCVolumeSource`. */
export const fcSource = once(() =>
  object('FCVolumeSource', 'A disk reached by Fibre Channel.', {
    targetWWNs: strings('World wide names of the target.'),
    lun: int32('Number of the unit.'),
    fsType: string('Filesystem on it.'),
    readOnly: boolean('Mount read-only.'),
    wwids: strings('World wide identifiers; instead of targetWWNs and lun.'),
  }),
)

/** What the component of an iSCSI disk has; pods and volumes differ in where `secret` may be. */
export const iscsiFields = (secret: z.ZodType) => ({
  targetPortal: required(string('Address of the target, with port if not 3260.')),
  iqn: required(string('Qualified name of the target.')),
  lun: required(int32('Number of the unit.')),
  iscsiInterface: string('Interface; default by default.'),
  fsType: string('Filesystem on it.'),
  readOnly: boolean('Mount read-only.'),
  portals: strings('Further portals of the target.'),
  chapAuthDiscovery: boolean('Whether discovery authenticates by CHAP.'),
  chapAuthSession: boolean('Whether sessions authenticate by CHAP.'),
  secretRef: field(secret, 'CHAP secret.'),
  initiatorName: string('Name of the initiator.'),
})

const storageNetworkSources = () => ({
  nfs: field(nfsSource(), 'A directory of an NFS server.'),
  iscsi: field(object('ISCSIVolumeSource', 'A disk reached by iSCSI.', iscsiFields(localObjectReference())), 'A disk of an iSCSI target.'),
  fc: field(fcSource(), 'A disk on Fibre Channel.'),
  csi: field(
    object('CSIVolumeSource', 'Storage that a CSI driver provides for the life of the pod.', {
      driver: required(string('Name of the driver.')),
      readOnly: boolean('Mount read-only.'),
      fsType: string('Filesystem to mount.'),
      volumeAttributes: stringMap('What the driver is told.'),
      nodePublishSecretRef: field(localObjectReference(), 'Secret handed to the driver.'),
    }),
    'Storage of a CSI driver.',
  ),
})

export const volumeSchema = once(() =>
  object('Volume', 'Storage that containers of the pod can mount. Exactly one source is set.', {
    name: required(string('Name by which containers mount it; unique in the pod.')),
    emptyDir: field(
      object('EmptyDirVolumeSource', 'A directory that lives and dies with the pod.', {
        medium: string("Memory for a tmpfs; empty for the node's disk."),
        sizeLimit: quantity('Most it may hold.'),
      }),
      'A directory of the pod, empty at its start.',
    ),
    hostPath: field(hostPathSource(), 'A file or directory of the node.'),
    configMap: field(
      object('ConfigMapVolumeSource', 'Keys of a ConfigMap as files.', {
        name: string('Name of the ConfigMap.'),
        items: keysToPaths('Keys to take; all if empty.'),
        defaultMode: int32(MODE),
        optional: boolean('Whether the ConfigMap or its keys may be missing.'),
      }),
      'A ConfigMap.',
    ),
    secret: field(
      object('SecretVolumeSource', 'Keys of a Secret as files, kept in memory.', {
        secretName: string('Name of the Secret.'),
        items: keysToPaths('Keys to take; all if empty.'),
        defaultMode: int32(MODE),
        optional: boolean('Whether the Secret or its keys may be missing.'),
      }),
      'A Secret.',
    ),
    projected: field(projectedSource(), 'Secrets, ConfigMaps, fields and tokens in one directory.'),
    downwardAPI: field(
      object('DownwardAPIVolumeSource', 'Fields of the pod as files.', { items: downwardFiles(), defaultMode: int32(MODE) }),
      'Fields of the pod.',
    ),
    persistentVolumeClaim: field(
      object('PersistentVolumeClaimVolumeSource', 'Storage that outlives the pod.', {
        claimName: required(string("Name of the claim, in the pod's namespace.")),
        readOnly: boolean('Mount read-only.'),
      }),
      'A PersistentVolumeClaim.',
    ),
    ephemeral: field(
      object('EphemeralVolumeSource', 'A claim made for this pod and deleted with it.', {
        volumeClaimTemplate: field(
          object('PersistentVolumeClaimTemplate', 'What the claim is made from.', {
            metadata: field(objectMetaSchema(), 'Labels and annotations of the claim.'),
            spec: required(field(persistentVolumeClaimSpecSchema(), 'Spec of the claim.')),
          }),
          'Template of the claim.',
        ),
      }),
      'A PersistentVolumeClaim of the pod itself.',
    ),
    image: field(
      object('ImageVolumeSource', 'The files of an image, mounted read-only.', {
        reference: string('Image, as for a container.'),
        pullPolicy: oneOf(
          ['Always', 'IfNotPresent', 'Never'],
          'When it is pulled: Always for the tag latest, otherwise IfNotPresent by default.',
        ),
      }),
      'An image whose files are mounted.',
    ),
    ...storageNetworkSources(),
    ...retiredSources(),
  }),
)
