import { mkdir, realpath, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stringify } from 'yaml'
import type { Kubeconfig, NamedContext } from './types.ts'

/** Writes a kubeconfig, readable by its owner alone, replacing the file at once; where a link leads, the file there. */
export async function saveKubeconfig(path: string, config: Kubeconfig): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const target = await realpath(path).catch(() => path)
  const next = `${target}.${process.pid}.new`
  await writeFile(next, stringify({ apiVersion: 'v1', kind: 'Config', ...config }), { mode: 0o600 })
  await rename(next, target)
}

/** The context in force; undefined when there is none of that name. */
export function currentContextOf(config: Kubeconfig, name = config['current-context']): NamedContext | undefined {
  return config.contexts?.find(context => context.name === name)
}

/** A copy without secrets, as `config view` shows it. */
export function redact(config: Kubeconfig): Kubeconfig {
  const hide = <T extends object>(entry: T, keys: readonly (keyof T)[], text: string): T => {
    const copy = { ...entry }
    for (const key of keys) if (copy[key]) copy[key] = text as T[keyof T]
    return copy
  }
  return {
    ...config,
    clusters: (config.clusters ?? []).map(({ name, cluster }) => ({
      name,
      cluster: hide(cluster, ['certificate-authority-data'], 'DATA+OMITTED'),
    })),
    users: (config.users ?? []).map(({ name, user }) => ({
      name,
      user: hide(hide(user, ['client-certificate-data', 'client-key-data'], 'DATA+OMITTED'), ['token', 'password'], 'REDACTED'),
    })),
  }
}
