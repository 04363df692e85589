/** What the files of a ConfigMap, Secret, downwardAPI or projected volume hold. */
import type {
  ConfigMap,
  DownwardApiVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '@davit/api'
import { type DownwardContext, fieldValue, resourceValue } from './downward.ts'
import type { ObjectReference, ObjectSource } from './objects.ts'

export interface PayloadFile {
  data: Buffer
  mode: number
  /** User id; root when left out. */
  owner?: number
}

/** Where files come from besides the pod itself. */
export interface PayloadSources {
  readonly objects: Pick<ObjectSource, 'configMap' | 'secret'>
  readonly token: (pod: Pod, projection: ServiceAccountTokenProjection) => Promise<string>
  readonly context: DownwardContext
}

/** Something a volume is made of does not exist: unlike an API that is away, this is an answer. */
export class MissingError extends Error {}

/** Path inside the volume → file. */
export type Payload = Map<string, PayloadFile>

const MODE_DEFAULT = 0o644

/** True for volumes that consist of files the agent writes. */
export function isWritten({ configMap, secret, projected, downwardAPI }: Volume): boolean {
  return (configMap ?? secret ?? projected ?? downwardAPI) !== undefined
}

/** Gathers a volume's files; throws in Kubernetes' words when something it needs is missing. */
export async function payloadOf(volume: Volume, pod: Pod, from: PayloadSources): Promise<Payload> {
  const { configMap, secret, projected, downwardAPI } = volume
  const mode = (configMap ?? secret ?? projected ?? downwardAPI)?.defaultMode ?? MODE_DEFAULT
  const payload: Payload = new Map()
  for (const source of projectionsOf(volume)) {
    for (const [path, file] of await sourceFiles(source, pod, { ...from, mode })) payload.set(checkedPath(path), file)
  }
  return payload
}

/** Every volume of files as if it were a projected one. */
function projectionsOf({ configMap, secret, downwardAPI, projected }: Volume): readonly VolumeProjection[] {
  if (configMap) return [{ configMap }]
  if (secret) return [{ secret: { ...secret, ...(secret.secretName && { name: secret.secretName }) } }]
  return downwardAPI ? [{ downwardAPI }] : (projected?.sources ?? [])
}

/** ConfigMaps and Secrets whose changes the pod's volumes follow. */
export function followedBy(pod: Pod): ObjectReference[] {
  const namespace = pod.metadata.namespace ?? 'default'
  return (pod.spec.volumes ?? []).filter(isWritten).flatMap(volume =>
    projectionsOf(volume).flatMap(({ configMap, secret }): ObjectReference[] => {
      if (configMap?.name) return [{ kind: 'ConfigMap', namespace, name: configMap.name }]
      return secret?.name ? [{ kind: 'Secret', namespace, name: secret.name }] : []
    }),
  )
}

async function sourceFiles(
  source: VolumeProjection,
  pod: Pod,
  { objects, token, context, mode }: PayloadSources & { mode: number },
): Promise<Payload> {
  const namespace = pod.metadata.namespace ?? 'default'
  if (source.configMap) {
    const { name = '', items, optional = false } = source.configMap
    const found = await objects.configMap(namespace, name)
    if (!found && !optional) throw new MissingError(`configmap "${name}" not found`)
    return pick(found ? configMapData(found) : new Map(), items, { mode, optional, what: 'config' })
  }
  if (source.secret) {
    const { name = '', items, optional = false } = source.secret
    const found = await objects.secret(namespace, name)
    if (!found && !optional) throw new MissingError(`secret "${name}" not found`)
    return pick(found ? secretData(found) : new Map(), items, { mode, optional, what: 'secret' })
  }
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items ?? [], pod, { context, mode })
  if (source.serviceAccountToken) {
    const { serviceAccountToken } = source
    const owner = onlyUser(pod)
    // Nobody else's to read, unless nobody else is known: the pod's group gets its right beside it.
    const ownMode = owner === undefined && pod.spec.securityContext?.fsGroup === undefined ? mode : 0o600
    const data = Buffer.from(await token(pod, serviceAccountToken))
    return new Map([[serviceAccountToken.path, { data, mode: ownMode, ...(owner !== undefined && { owner }) }]])
  }
  throw new Error(`projected volumes do not serve sources of type ${Object.keys(source)[0] ?? 'none'} on Davit's nodes`)
}

/** The user all of the pod's containers run as, when the spec says so of every one. */
function onlyUser({ spec }: Pod): number | undefined {
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
  const users = new Set(all.map(({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser))
  return users.size === 1 ? [...users][0] : undefined
}

export function configMapData({ data = {}, binaryData = {} }: ConfigMap): Map<string, Buffer> {
  return new Map([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(binaryData).map(([key, base64]) => [key, Buffer.from(base64, 'base64')] as const),
  ])
}

export function secretData({ data = {} }: Secret): Map<string, Buffer> {
  return new Map(Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, 'base64')]))
}

function pick(
  data: Map<string, Buffer>,
  items: readonly KeyToPath[] | undefined,
  { mode, optional, what }: { mode: number; optional: boolean; what: 'config' | 'secret' },
): Payload {
  if (!items) return new Map([...data].map(([key, bytes]) => [key, { data: bytes, mode }]))
  const payload: Payload = new Map()
  for (const item of items) {
    const bytes = data.get(item.key)
    if (bytes) payload.set(item.path, { data: bytes, mode: item.mode ?? mode })
    else if (!optional) throw new MissingError(`references non-existent ${what} key: ${item.key}`)
  }
  return payload
}

function downwardFiles(
  items: readonly DownwardApiVolumeFile[],
  pod: Pod,
  { context, mode }: { context: DownwardContext; mode: number },
): Payload {
  const payload: Payload = new Map()
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const text = fieldRef ? fieldValue(pod, fieldRef, context) : resourceFieldRef ? resourceValue(pod, resourceFieldRef, { context }) : ''
    payload.set(path, { data: Buffer.from(text), mode: own ?? mode })
  }
  return payload
}

/** Validation has seen to it; a file outside of its volume would be too bad to rely on that. */
function checkedPath(path: string): string {
  const parts = path.split('/')
  if (path.startsWith('/') || parts.includes('..') || path.startsWith('..') || path === '')
    throw new Error(`Cannot write a file at "${path}" in a volume`)
  return parts.filter(part => part !== '' && part !== '.').join('/')
}
