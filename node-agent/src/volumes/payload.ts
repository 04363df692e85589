/** What the files of a ConfigMap, Secret, downwardAPI or projected volume hold. */
import type { ConfigMap, DownwardApiVolumeFile, KeyToPath, Pod, Secret, Volume, VolumeProjection } from '@davit/api'
import { type DownwardContext, fieldValue, resourceValue } from './downward.ts'
import type { ObjectSource } from './objects.ts'

export interface PayloadFile {
  data: Buffer
  mode: number
}

/** Path inside the volume → file. */
export type Payload = Map<string, PayloadFile>

const MODE_DEFAULT = 0o644

/** True for volumes that consist of files the agent writes. */
export function isWritten({ configMap, secret, projected, downwardAPI }: Volume): boolean {
  return (configMap ?? secret ?? projected ?? downwardAPI) !== undefined
}

/** Gathers a volume's files; throws in Kubernetes' words when something it needs is missing. */
export async function payloadOf(
  volume: Volume,
  pod: Pod,
  { objects, context }: { objects: ObjectSource; context: DownwardContext },
): Promise<Payload> {
  const { configMap, secret, projected, downwardAPI } = volume
  const sources: VolumeProjection[] = configMap
    ? [{ configMap }]
    : secret
      ? [{ secret: { ...secret, ...(secret.secretName && { name: secret.secretName }) } }]
      : downwardAPI
        ? [{ downwardAPI }]
        : (projected?.sources ?? [])
  const mode = (configMap ?? secret ?? projected ?? downwardAPI)?.defaultMode ?? MODE_DEFAULT
  const payload: Payload = new Map()
  for (const source of sources) {
    for (const [path, file] of await sourceFiles(source, pod, { objects, context, mode })) payload.set(checkedPath(path), file)
  }
  return payload
}

async function sourceFiles(
  source: VolumeProjection,
  pod: Pod,
  { objects, context, mode }: { objects: ObjectSource; context: DownwardContext; mode: number },
): Promise<Payload> {
  const namespace = pod.metadata.namespace ?? 'default'
  if (source.configMap) {
    const { name = '', items, optional = false } = source.configMap
    const found = await objects.configMap(namespace, name)
    if (!found && !optional) throw new Error(`configmap "${name}" not found`)
    return pick(found ? configMapData(found) : new Map(), items, { mode, optional, what: 'config' })
  }
  if (source.secret) {
    const { name = '', items, optional = false } = source.secret
    const found = await objects.secret(namespace, name)
    if (!found && !optional) throw new Error(`secret "${name}" not found`)
    return pick(found ? secretData(found) : new Map(), items, { mode, optional, what: 'secret' })
  }
  if (source.downwardAPI) return downwardFiles(source.downwardAPI.items ?? [], pod, { context, mode })
  throw new Error('projected service account tokens are not served yet')
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
    else if (!optional) throw new Error(`references non-existent ${what} key: ${item.key}`)
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
