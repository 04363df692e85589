/** Writes a cluster's directory: the thin shell round what the configuration says. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '@davit/api'
import {
  AUTHORITY_DAYS,
  CERTIFICATE_LIFETIME_MS,
  createAuthority,
  createFile,
  loadOrCreatePki,
  loadOrRenewEtcdPki,
  makeKubeconfig,
  type Pki,
  readText,
  replaceFile,
} from '@davit/api/pki'
import { changedConfig, type InitAnswers, newConfig } from './answers.ts'
import { type ClusterConfig, ConfigError, parseConfig } from './config.ts'
import { type ClusterFile, isUnchanged, mergeEnvironment, renderFiles } from './files.ts'
import { type Machine, machinesOf } from './machines.ts'

export interface InitResult {
  readonly config: ClusterConfig
  readonly machines: readonly Machine[]
  /** Paths below the directory, of what was made or changed. */
  readonly written: readonly string[]
  /** There was no cluster in the directory before. */
  readonly isNew: boolean
}

/** What a control plane needs of `secrets/`; it makes the rest itself. */
const SHARED_SECRETS = ['ca.pem', 'etcd-ca.pem', 'etcd-client.pem', 'service-account.key', 'encryption-keys.json'] as const
const SECRETS = 'secrets'
const KUBECONFIG = 'admin.kubeconfig'
const DAY_MS = 24 * 60 * 60 * 1000

/** Reads the configuration of the cluster in `dir`; undefined when there is none. */
export async function readClusterConfig(dir: string): Promise<ClusterConfig | undefined> {
  const path = join(dir, 'cluster.yaml')
  const text = await readText(path)
  return text === undefined ? undefined : parseConfig(text, path)
}

/**
 * Makes the cluster's directory, or brings one that is there to what is asked. Keys that are there stay. Throws ConfigError, before
 * anything is written, for what cannot be.
 */
export async function initCluster(dir: string, answers: InitAnswers, { clock }: { clock: Clock }): Promise<InitResult> {
  try {
    return await bringTo(dir, answers, clock)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new ConfigError(`Cannot use directory ${dir}: ${message}. Give another, or see to its owner and its disk.`, { cause })
  }
}

async function bringTo(dir: string, answers: InitAnswers, clock: Clock): Promise<InitResult> {
  const before = await readClusterConfig(dir)
  if (!before) await refuseForeign(dir)
  const config = before ? changedConfig(before, answers) : newConfig(answers)
  const written: string[] = []
  const previous = new Map((before ? renderFiles(before) : []).map(file => [file.path, file.text]))
  const files = await Promise.all(renderFiles(config).map(file => textToWrite(dir, file, previous.get(file.path))))

  // Secrets first, the configuration next: a run that broke off is finished by the next one.
  const pki = await keepSecrets(dir, { isNew: !before, clock })
  for (const { path, text } of files) {
    if (text === undefined) continue
    await mkdir(dirname(join(dir, path)), { recursive: true, mode: 0o700 })
    await writeFile(join(dir, path), text)
    written.push(path)
  }
  const machines = machinesOf(config)
  for (const machine of machines) await keepMachineSecrets(dir, machine, { pki, clock })
  if (await keepKubeconfig(dir, config, pki)) written.push(KUBECONFIG)
  return { config, machines, written, isNew: !before }
}

/** Where the administrator's kubeconfig leads. */
export function apiServerOf({ controlPlanes, balancer }: ClusterConfig): string {
  const { address, port } = controlPlanes[0]!
  return `https://${address}:${balancer?.port ?? port}`
}

async function refuseForeign(dir: string): Promise<void> {
  const found = await readdir(dir).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return []
    throw err
  })
  const foreign = found.filter(name => name !== SECRETS)
  if (foreign.length > 0)
    throw new ConfigError(
      `Directory ${dir} holds ${foreign.slice(0, 3).join(', ')} and no cluster.yaml: want a new or empty one, such as ./davit-2`,
    )
}

/** The text to write for `file`; undefined when what is there will do. `made` is what the last run made. */
async function textToWrite(dir: string, { path, text, kind }: ClusterFile, made = ''): Promise<{ path: string; text: string | undefined }> {
  const present = await readText(join(dir, path))
  if (present === undefined || kind === 'own') return { path, text: present === text ? undefined : text }
  if (kind === 'merged') {
    const merged = mergeEnvironment(made, present, text)
    return { path, text: merged === present ? undefined : merged }
  }
  if (present === text) return { path, text: undefined }
  if (isUnchanged(present)) return { path, text }
  throw new ConfigError(
    `${join(dir, path)} was changed by hand, and would be written anew. Put your changes into ${join(dirname(path), 'compose.override.yaml')}, which compose reads too, remove the file, and run davit init again.`,
  )
}

/** `secrets/` is a pki directory of which no control plane runs: what every control plane's is made from. */
async function keepSecrets(dir: string, { isNew, clock }: { isNew: boolean; clock: Clock }): Promise<Pki> {
  const secrets = join(dir, SECRETS)
  if (!isNew && (await readText(join(secrets, 'ca.pem'))) === undefined)
    throw new ConfigError(
      `${join(secrets, 'ca.pem')} is missing: put ${secrets} back from where it was saved; a new CA would be another cluster's`,
    )
  await mkdir(secrets, { recursive: true, mode: 0o700 })
  const etcdCa = join(secrets, 'etcd-ca.pem')
  if ((await readText(etcdCa)) === undefined) {
    const { certificate, key } = await createAuthority('davit-etcd-ca', { now: clock.now(), days: AUTHORITY_DAYS })
    await createFile(etcdCa, certificate + key)
  }
  return loadOrCreatePki({ dir: secrets, serverNames: [], clock })
}

interface MachineSecrets {
  readonly pki: Pki
  readonly clock: Clock
}

/** Only what is missing: once the containers run, the directories are theirs, and they renew what is in them. */
async function keepMachineSecrets(dir: string, { folder, address }: Machine, { pki, clock }: MachineSecrets): Promise<void> {
  const pkiDir = join(dir, folder, 'pki')
  const etcdDir = join(dir, folder, 'etcd-pki')
  try {
    await mkdir(pkiDir, { recursive: true, mode: 0o700 })
    for (const name of SHARED_SECRETS) {
      if ((await readText(join(pkiDir, name))) === undefined)
        await createFile(join(pkiDir, name), await readFile(join(dir, SECRETS, name), 'utf8'))
    }
    await mkdir(etcdDir, { recursive: true, mode: 0o700 })
    const member = `${JSON.stringify({ names: [address] })}\n`
    if ((await readText(join(etcdDir, 'member.json'))) !== member) await replaceFile(join(etcdDir, 'member.json'), member)
    await loadOrRenewEtcdPki({ dir: etcdDir, authority: pki.etcd!.ca, now: clock.now(), days: CERTIFICATE_LIFETIME_MS / DAY_MS })
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EACCES') throw err
  }
}

async function keepKubeconfig(dir: string, config: ClusterConfig, { ca, admin }: Pki): Promise<boolean> {
  const path = join(dir, KUBECONFIG)
  const servers = config.controlPlanes.map(({ address, port }) => `https://${address}:${port}`)
  const text = makeKubeconfig({ server: apiServerOf(config), servers, ca: ca.bundle, ...admin, name: config.name })
  if ((await readText(path)) === text) return false
  await replaceFile(path, text)
  return true
}
