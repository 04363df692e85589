/** Writes a cluster's directory: the thin shell round what the configuration says. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, lifeOf } from '@davit/api'
import {
  AUTHORITY_DAYS,
  CERTIFICATE_LIFETIME_MS,
  certificatesIn,
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
  /** The kubeconfig trusts a CA that came after those of `secrets/`: it stays as it is, and adoptAuthorities() is due. */
  readonly isCaOld: boolean
}

/** What a control plane needs of `secrets/`; it makes the rest itself. */
const CA = 'ca.pem'
const SHARED_SECRETS = [CA, 'etcd-ca.pem', 'etcd-client.pem', 'service-account.key', 'encryption-keys.json'] as const
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
export function initCluster(dir: string, answers: InitAnswers, { clock }: { clock: Clock }): Promise<InitResult> {
  return explained(dir, async () => bringTo(dir, await planCluster(dir, answers), clock))
}

/** Paths below `dir` of the files without secrets that initCluster() would write; throws as it does, and writes nothing. */
export async function changedFiles(dir: string, answers: InitAnswers): Promise<string[]> {
  const { files } = await explained(dir, () => planCluster(dir, answers))
  return files.flatMap(({ path, text }) => (text === undefined ? [] : [path]))
}

/**
 * Makes `authorities`, a text such as `ca.pem` holds, the CAs of the cluster in `dir`, and brings along what is made of them: each
 * machine's keys here, and the kubeconfig. For when the cluster has changed its CA. Throws ConfigError.
 */
export function adoptAuthorities(dir: string, authorities: string, { clock }: { clock: Clock }): Promise<void> {
  return explained(dir, async () => {
    const config = await readClusterConfig(dir)
    if (!config) throw new ConfigError(`There is no cluster.yaml in ${dir}: want the directory that davit init made`)
    const path = join(dir, SECRETS, CA)
    if ((await readText(path)) !== authorities) await replaceFile(path, authorities)
    const pki = await keepSecrets(dir, { isNew: false, clock })
    for (const machine of machinesOf(config)) await keepMachineSecrets(dir, machine, { pki, clock })
    await keepKubeconfig(dir, config, pki)
  })
}

/** What the file system refuses, as ConfigError. */
async function explained<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new ConfigError(`Cannot use directory ${dir}: ${message}. Give another, or see to its owner and its disk.`, { cause })
  }
}

interface ClusterPlan {
  readonly config: ClusterConfig
  readonly files: readonly FileToWrite[]
  readonly isNew: boolean
}

async function planCluster(dir: string, answers: InitAnswers): Promise<ClusterPlan> {
  const before = await readClusterConfig(dir)
  if (!before) await refuseForeign(dir)
  const config = before ? changedConfig(before, answers) : newConfig(answers)
  const previous = new Map((before ? renderFiles(before) : []).map(file => [file.path, file.text]))
  const files = await Promise.all(renderFiles(config).map(file => textToWrite(dir, file, previous.get(file.path))))
  return { config, files, isNew: !before }
}

async function bringTo(dir: string, { config, files, isNew }: ClusterPlan, clock: Clock): Promise<InitResult> {
  const written: string[] = []
  // Secrets first, the configuration next: a run that broke off is finished by the next one.
  const pki = await keepSecrets(dir, { isNew, clock })
  for (const { path, text } of files) {
    if (text === undefined) continue
    await mkdir(dirname(join(dir, path)), { recursive: true, mode: 0o700 })
    await writeFile(join(dir, path), text)
    written.push(path)
  }
  const machines = machinesOf(config)
  for (const machine of machines) await keepMachineSecrets(dir, machine, { pki, clock })
  const kubeconfig = await keepKubeconfig(dir, config, pki)
  if (kubeconfig === 'written') written.push(KUBECONFIG)
  return { config, machines, written, isNew, isCaOld: kubeconfig === 'newer' }
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

interface FileToWrite {
  readonly path: string
  /** Undefined when what is there will do. */
  readonly text: string | undefined
}

/** `made` is what the last run made. */
async function textToWrite(dir: string, { path, text, kind }: ClusterFile, made = ''): Promise<FileToWrite> {
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
  if (!isNew && (await readText(join(secrets, CA))) === undefined)
    throw new ConfigError(
      `${join(secrets, CA)} is missing: put ${secrets} back from where it was saved; a new CA would be another cluster's`,
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

/** What is missing, and the CA: once the containers run, the directories are theirs, and they renew what is in them. */
async function keepMachineSecrets(dir: string, { folder, address }: Machine, { pki, clock }: MachineSecrets): Promise<void> {
  const pkiDir = join(dir, folder, 'pki')
  const etcdDir = join(dir, folder, 'etcd-pki')
  try {
    await mkdir(pkiDir, { recursive: true, mode: 0o700 })
    for (const name of SHARED_SECRETS) {
      const path = join(pkiDir, name)
      const text = await readFile(join(dir, SECRETS, name), 'utf8')
      const present = await readText(path)
      if (present === undefined) await createFile(path, text)
      else if (name === CA && present !== text && (await isOwn(path))) await replaceFile(path, text)
    }
    await mkdir(etcdDir, { recursive: true, mode: 0o700 })
    const member = `${JSON.stringify({ names: [address] })}\n`
    if ((await readText(join(etcdDir, 'member.json'))) !== member) await replaceFile(join(etcdDir, 'member.json'), member)
    await loadOrRenewEtcdPki({ dir: etcdDir, authority: pki.etcd!.ca, now: clock.now(), days: CERTIFICATE_LIFETIME_MS / DAY_MS })
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EACCES') throw err
  }
}

/** False for the files of a control plane that runs from here: it would not be able to read ours. */
async function isOwn(path: string): Promise<boolean> {
  return (await stat(path)).uid === process.getuid?.()
}

async function keepKubeconfig(dir: string, config: ClusterConfig, { ca, admin }: Pki): Promise<'same' | 'newer' | 'written'> {
  const path = join(dir, KUBECONFIG)
  const servers = config.controlPlanes.map(({ address, port }) => `https://${address}:${port}`)
  const text = makeKubeconfig({ server: apiServerOf(config), servers, ca: ca.bundle, ...admin, name: config.name })
  const present = await readText(path)
  if (present === text) return 'same'
  if (present !== undefined && trustsLater(present, ca.bundle)) return 'newer'
  await replaceFile(path, text)
  return 'written'
}

/** Whether a kubeconfig trusts a CA that was made after all of `bundle`. */
function trustsLater(kubeconfig: string, bundle: string): boolean {
  const [, data = ''] = /certificate-authority-data: (\S+)/.exec(kubeconfig) ?? []
  const madeLast = (pem: string) => Math.max(...certificatesIn(pem).map(certificate => lifeOf(certificate).from))
  return madeLast(Buffer.from(data, 'base64').toString()) > madeLast(bundle)
}
