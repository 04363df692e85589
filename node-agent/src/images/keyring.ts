/** The credentials with which a pod may pull: those of its imagePullSecrets, then the node's own. */
import { readFile } from 'node:fs/promises'
import type { Logger, Pod, Secret } from '@davit/api'
import type { RegistryAuth } from '../docker/index.ts'
import { credentialsFor, parseCredentials, type StoredCredential } from './credentials.ts'
import type { ImageName } from './reference.ts'

export interface SecretSource {
  secret(namespace: string, name: string): Promise<Secret | undefined>
}

export interface Keyring {
  /** In the order in which they are tried; empty: pull as nobody. */
  credentials: RegistryAuth[]
  /** Names of imagePullSecrets that could not be had. */
  missing: string[]
}

const SECRETS_MAX = 64

/** Reads everything anew, so that a corrected Secret or file counts at the next try. */
export async function keyringOf(
  pod: Pod,
  image: ImageName,
  { secrets, credentialsFile, log }: { secrets: SecretSource; credentialsFile: string | undefined; log: Logger },
): Promise<Keyring> {
  const missing: string[] = []
  const stored: StoredCredential[] = []
  for (const { name = '' } of (pod.spec.imagePullSecrets ?? []).slice(0, SECRETS_MAX)) {
    // What makes the API leave an empty list entry means nothing.
    if (name === '') continue
    const secret = await secrets.secret(pod.metadata.namespace ?? 'default', name).catch(() => undefined)
    const found = secret && readSecret(secret)
    if (found) stored.push(...found)
    else missing.push(name)
  }
  const own = credentialsFile === undefined ? [] : await readNodeFile(credentialsFile, log)
  return { credentials: [...credentialsFor(image, stored), ...credentialsFor(image, own)], missing }
}

/** What a change of the pod's pull Secrets changes. */
export async function keyringVersion(pod: Pod, secrets: SecretSource): Promise<string> {
  const versions = (pod.spec.imagePullSecrets ?? []).slice(0, SECRETS_MAX).map(async ({ name = '' }) => {
    const secret = await secrets.secret(pod.metadata.namespace ?? 'default', name).catch(() => undefined)
    return secret?.metadata.resourceVersion ?? ''
  })
  return (await Promise.all(versions)).join(',')
}

/** Undefined when it holds nothing of the two forms that Kubernetes knows. */
function readSecret({ data = {} }: Secret): StoredCredential[] | undefined {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString()
  try {
    if (data['.dockerconfigjson'] !== undefined) return parseCredentials(text('.dockerconfigjson'))
    if (data['.dockercfg'] !== undefined) return parseCredentials(text('.dockercfg'), { legacy: true })
  } catch {
    // Told as one that cannot be used; its content is nobody's to read in a log.
  }
  return undefined
}

async function readNodeFile(path: string, log: Logger): Promise<StoredCredential[]> {
  try {
    return parseCredentials(await readFile(path, 'utf8'))
  } catch (err) {
    log.warn(
      { path, reason: err instanceof SyntaxError ? 'not JSON' : err instanceof Error ? err.name : '' },
      'Cannot read the credentials for images',
    )
    return []
  }
}
