import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import type { Cluster, Kubeconfig, User } from './types.ts'

export interface LoadedKubeconfig {
  /** What all files say together; the first that says something wins. Paths in it are absolute. */
  readonly config: Kubeconfig
  /** Files that were read, each as it is. */
  readonly files: readonly KubeconfigFile[]
  /** Where a new entry is written: the first file that exists, or the first there could be. */
  readonly writeTo: string
  /** All that were looked for, for messages. */
  readonly candidates: readonly string[]
}

export interface KubeconfigFile {
  readonly path: string
  readonly config: Kubeconfig
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * The kubeconfig in force: `explicit` alone, else the files in `$KUBECONFIG` together, else the first there is of
 * `$DAVIT_HOME/kubeconfig` (by default `~/.davit`) and `~/.kube/config`. An explicit file must exist; none at all gives an empty one.
 */
export async function loadKubeconfig(explicit: string | undefined, env: Variables): Promise<LoadedKubeconfig> {
  if (explicit) {
    const file = await readKubeconfig(explicit)
    if (!file) throw new Error(`stat ${explicit}: no such file or directory`)
    return { config: withAbsolutePaths(file), files: [file], writeTo: explicit, candidates: [explicit] }
  }
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter(Boolean)
  const candidates = listed.length > 0 ? listed : defaultFiles(env)
  const files: KubeconfigFile[] = []
  for (const path of candidates) {
    const file = await readKubeconfig(path)
    if (file) files.push(file)
    if (file && listed.length === 0) break
  }
  const writeTo = files[0]?.path ?? candidates[0]!
  return { config: mergeKubeconfigs(files.map(withAbsolutePaths)), files, writeTo, candidates }
}

function defaultFiles(env: Variables): string[] {
  const home = env.HOME || homedir()
  return [join(env.DAVIT_HOME || join(home, '.davit'), 'kubeconfig'), join(home, '.kube', 'config')]
}

async function readKubeconfig(path: string): Promise<KubeconfigFile | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`error loading config file "${path}": ${(err as Error).message}`)
  }
  const document = parseDocument(text)
  const problem = document.errors[0]
  if (problem) throw new Error(`error loading config file "${path}": ${problem.message.split('\n')[0]?.replace(/:$/, '')}`)
  const config: unknown = document.toJS() ?? {}
  if (typeof config !== 'object' || Array.isArray(config)) {
    throw new Error(`error loading config file "${path}": it holds no kubeconfig, which starts with "kind: Config"`)
  }
  return { path, config: config as Kubeconfig }
}

/** Of each name the first, as Kubernetes' clients merge. */
function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const current = configs.find(config => config['current-context'])?.['current-context']
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: firstOfEachName(configs.flatMap(config => config.clusters ?? [])),
    contexts: firstOfEachName(configs.flatMap(config => config.contexts ?? [])),
    users: firstOfEachName(configs.flatMap(config => config.users ?? [])),
    ...(current && { 'current-context': current }),
    preferences: configs[0]?.preferences ?? {},
  }
}

function firstOfEachName<T extends { name: string }>(entries: readonly T[]): T[] {
  const byName = new Map<string, T>()
  for (const entry of entries) if (!byName.has(entry.name)) byName.set(entry.name, entry)
  return [...byName.values()]
}

/** Paths in a kubeconfig are relative to the file. */
function withAbsolutePaths({ path, config }: KubeconfigFile): Kubeconfig {
  const folder = dirname(resolve(path))
  const absolute = <T extends Cluster | User>(entry: T, keys: readonly (keyof T)[]): T => {
    const copy = { ...entry }
    for (const key of keys) if (typeof copy[key] === 'string' && copy[key]) copy[key] = resolve(folder, copy[key] as string) as T[keyof T]
    return copy
  }
  return {
    ...config,
    clusters: (config.clusters ?? []).map(({ name, cluster }) => ({ name, cluster: absolute(cluster ?? {}, ['certificate-authority']) })),
    users: (config.users ?? []).map(({ name, user }) => ({
      name,
      user: absolute(user ?? {}, ['client-certificate', 'client-key', 'tokenFile']),
    })),
  }
}
