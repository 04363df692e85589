/** What lets the programs of a pod talk to the API as the pod's account: a token, the CAs, and the namespace, as files. */
import { type Container, generateName, type Pod, type PodSpec, type ServiceAccount, type Volume } from '@davit/api'

/** Where client libraries look. */
export const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
const VOLUME_PREFIX = 'kube-api-access-'
/** An hour and a little: the agent renews long before. */
const TOKEN_SECONDS = 3607
const ROOT_CA = 'kube-root-ca.crt'

/** Adds the files to every container that has nothing of its own there, unless pod or account say no. Changes `pod`. */
export function automountToken({ spec }: Pod, account: ServiceAccount | undefined): void {
  if (!(spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true)) return
  const without = [...(spec.initContainers ?? []), ...spec.containers].filter(container => !hasOwn(container))
  if (without.length === 0) return
  // Nothing is judged yet: a name may be missing.
  const name = spec.volumes?.find(volume => volume.name?.startsWith(VOLUME_PREFIX))?.name ?? addVolume(spec)
  for (const container of without) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: TOKEN_PATH }]
  }
}

function hasOwn({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some(({ mountPath }) => mountPath === TOKEN_PATH)
}

function addVolume(spec: PodSpec): string {
  const name = generateName(VOLUME_PREFIX)
  const volume: Volume = {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: ROOT_CA, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  }
  spec.volumes = [...(spec.volumes ?? []), volume]
  return name
}
