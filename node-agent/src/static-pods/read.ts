/** Static pods from files: each a Pod as YAML or JSON. */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeObject, fieldErrorBody, type Pod, podKind, STATIC_PODS, validateObjectMeta } from '@davit/api'

const FILE_BYTES_MAX = 1 << 20

export interface ReadManifests {
  readonly pods: readonly Pod[]
  /** Why a file gave no pod, by its path. */
  readonly errors: ReadonlyMap<string, string>
}

/** All pods of the files in `dir`, names that begin with a dot aside. A directory that is not there has none. */
export async function readManifests(dir: string, nodeName: string): Promise<ReadManifests> {
  const pods = new Map<string, Pod>()
  const errors = new Map<string, string>()
  const names = await readdir(dir).catch((err: NodeJS.ErrnoException) => {
    if (err.code !== 'ENOENT') errors.set(dir, `cannot be read: ${err.code}`)
    return []
  })
  for (const name of names.filter(found => !found.startsWith('.')).sort()) {
    const path = join(dir, name)
    try {
      const text = await readText(path)
      if (text === undefined) continue
      const pod = await staticPod(text, { path, nodeName })
      const key = `${pod.metadata.namespace}/${pod.metadata.name}`
      if (pods.has(key)) throw new Error(`another file has the pod ${key} already`)
      pods.set(key, pod)
    } catch (err) {
      errors.set(path, err instanceof Error ? err.message : String(err))
    }
  }
  return { pods: [...pods.values()], errors }
}

/** Undefined for what is no file, or has just been removed. */
async function readText(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) return undefined
  if (found.size > FILE_BYTES_MAX) throw new Error(`is too large: ${found.size} bytes, at most ${FILE_BYTES_MAX}`)
  return readFile(path, 'utf8')
}

/** The pod as this node runs it: its uid says what is in the file, so that a changed file is another pod. Throws in words for people. */
export async function staticPod(text: string, { path, nodeName }: { path: string; nodeName: string }): Promise<Pod> {
  // Only those who have a file need the parser in memory.
  const { parse } = await import('yaml')
  const { object: pod, unknownFields, errors } = decodeObject(podKind, parse(text))
  if (unknownFields.length > 0) throw new Error(`unknown field "${unknownFields[0]}"`)
  const uid = createHash('sha256').update(`${nodeName}\n${path}\n${text}`).digest('hex').slice(0, 32)
  const { name, namespace = 'default', annotations, labels } = pod.metadata
  if (!name) throw new Error('metadata.name: Required value')
  pod.metadata = {
    name: `${name}-${nodeName}`,
    namespace,
    uid,
    ...(labels && { labels }),
    annotations: { ...annotations, [STATIC_PODS.hash]: uid, [STATIC_PODS.source]: 'file' },
  }
  pod.spec.nodeName = nodeName
  // Nothing but its file ends it.
  pod.spec.tolerations = [...(pod.spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }]
  podKind.applyDefaults(pod)
  const found = [...errors, ...validateObjectMeta(pod.metadata, podKind), ...podKind.validate(pod)]
  const [first] = found
  if (first) throw new Error(`${first.field}: ${fieldErrorBody(first)}`)
  const wanting = needsApi(pod)
  if (wanting) throw new Error(`static pods may not use ${wanting}: they run without the API`)
  delete pod.status
  return pod
}

/** What a pod may name that only the API has. */
function needsApi({ spec }: Pod): string | undefined {
  if (spec.serviceAccountName) return 'a ServiceAccount'
  for (const { configMap, secret, persistentVolumeClaim, projected } of spec.volumes ?? []) {
    if (configMap || projected?.sources?.some(source => source.configMap)) return 'a ConfigMap'
    if (secret || projected?.sources?.some(source => source.secret)) return 'a Secret'
    if (persistentVolumeClaim) return 'a PersistentVolumeClaim'
  }
  for (const { env = [], envFrom = [] } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    if (envFrom.some(({ configMapRef }) => configMapRef) || env.some(({ valueFrom }) => valueFrom?.configMapKeyRef)) return 'a ConfigMap'
    if (envFrom.some(({ secretRef }) => secretRef) || env.some(({ valueFrom }) => valueFrom?.secretKeyRef)) return 'a Secret'
  }
  return undefined
}
