import type { Container, Pod } from '@davit/api'
import { claimsOf } from '../../volumes/index.ts'

/** Names of what a pod needs from its namespace, by resource. */
export interface PodReferences {
  configmaps: ReadonlySet<string>
  secrets: ReadonlySet<string>
  serviceaccounts: ReadonlySet<string>
  persistentvolumeclaims: ReadonlySet<string>
}

/** Everything a node must read to run `pod`. */
export function referencesOf(pod: Pod): PodReferences {
  const { spec } = pod
  const configmaps = new Set<string>()
  const secrets = new Set<string>()
  const add = (names: Set<string>, name: string | undefined) => {
    if (name) names.add(name)
  }
  for (const volume of spec.volumes ?? []) {
    add(configmaps, volume.configMap?.name)
    add(secrets, volume.secret?.secretName)
    for (const source of volume.projected?.sources ?? []) {
      add(configmaps, source.configMap?.name)
      add(secrets, source.secret?.name)
    }
  }
  const containers: Pick<Container, 'env' | 'envFrom'>[] = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ]
  for (const { env, envFrom } of containers) {
    for (const source of envFrom ?? []) {
      add(configmaps, source.configMapRef?.name)
      add(secrets, source.secretRef?.name)
    }
    for (const { valueFrom } of env ?? []) {
      add(configmaps, valueFrom?.configMapKeyRef?.name)
      add(secrets, valueFrom?.secretKeyRef?.name)
    }
  }
  for (const { name } of spec.imagePullSecrets ?? []) add(secrets, name)
  const serviceaccounts = new Set(spec.serviceAccountName ? [spec.serviceAccountName] : [])
  const persistentvolumeclaims = new Set(claimsOf(pod).map(({ name }) => name))
  return { configmaps, secrets, serviceaccounts, persistentvolumeclaims }
}

/** For whom the tokens in a pod's volumes are meant; empty: for the API server. */
export function tokenAudiences({ spec }: Pod): ReadonlySet<string> {
  const sources = (spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? [])
  return new Set(sources.flatMap(({ serviceAccountToken }) => (serviceAccountToken ? [serviceAccountToken.audience ?? ''] : [])))
}
