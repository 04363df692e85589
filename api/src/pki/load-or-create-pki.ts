/** The cluster's keys on disk: made on first start, renewed in time, never readable by others. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import { GROUPS, NETWORKS } from '../well-known.ts'
import { type Authority, readAuthority, readKeyPair } from './authority.ts'
import { type CertificateRequest, createAuthority, createCertificate, isSignedBy, type KeyPair, namesOf } from './certificates.ts'
import { type EtcdMemberPki, loadOrRenewEtcdPki } from './etcd-pki.ts'
import { createFile, readText, replaceFile } from './files.ts'
import { exportKey, generateKeys } from './keys.ts'
import { isRenewalDue } from './renewal.ts'

export interface Pki {
  ca: Authority
  /** Also good as a client, between replicas. */
  server: KeyPair
  /** Of `system:masters`. */
  admin: KeyPair
  /** For controllers and scheduler that run apart from the API server. */
  controllers: KeyPair
  /** PKCS#8 PEM, P-256: signs ServiceAccount tokens. */
  serviceAccountKey: string
  /** For values in etcd; the first one encrypts, all decrypt. */
  encryptionKeys: EncryptionKey[]
  /** Of an etcd whose CA is here, in `etcd-ca.pem`. */
  etcd?: {
    ca: Authority
    client: KeyPair
    /** Of the member whose directory was named. */
    member?: EtcdMemberPki
  }
}

export interface EncryptionKey {
  name: string
  /** 32 bytes in base64. */
  secret: string
}

export interface PkiOptions {
  dir: string
  /** Host names and IP addresses at which the API server is reached, besides those every cluster has. */
  serverNames: readonly string[]
  /** Directory of the certificates of the etcd member on this machine; needs `etcd-ca.pem`. */
  etcdDir?: string
  /** Of what the CA signs here; default a year. */
  lifetimeMs?: number
  /** In 0…1: how much earlier than others to renew. */
  jitter?: number
  clock: Clock
}

/** The common name of API servers' certificates, by which they know each other. */
export const API_SERVER = 'davit-apiserver'

/** The group of controllers and scheduler. */
export const CONTROLLERS = 'system:davit:controllers'

/** What a new CA's life is. */
export const AUTHORITY_DAYS = 10 * 365
export const CERTIFICATE_LIFETIME_MS = 365 * 24 * 60 * 60 * 1000
const DAY_MS = 24 * 60 * 60 * 1000

const COMMON_NAMES = [
  'localhost',
  '127.0.0.1',
  '::1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  NETWORKS.apiserver,
]

/** Reads what is in `dir`, makes what is missing, renews what is due or no longer fits: it may be called again at any time. */
export async function loadOrCreatePki(options: PkiOptions): Promise<Pki> {
  const { dir, serverNames, lifetimeMs = CERTIFICATE_LIFETIME_MS, jitter = 0, clock } = options
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  const now = clock.now()
  const days = lifetimeMs / DAY_MS
  const ca = await loadOrCreateAuthority(join(dir, 'ca.pem'), now)
  const names = [...new Set([...COMMON_NAMES, ...serverNames])].sort()
  const certificate = (file: string, request: CertificateRequest, authority: KeyPair = ca) =>
    loadOrRenew(join(dir, file), request, { authority, now, days, jitter })
  const etcdCa = await readText(join(dir, 'etcd-ca.pem'))
  if (etcdCa === undefined && options.etcdDir !== undefined)
    throw new Error(`Cannot renew the certificates in "${options.etcdDir}": "${join(dir, 'etcd-ca.pem')}" with the CA of etcd is missing`)
  return {
    ca,
    server: await certificate('server.pem', { commonName: API_SERVER, usage: 'both', names }),
    admin: await certificate('admin.pem', { commonName: 'kubernetes-admin', organizations: [GROUPS.masters], usage: 'client' }),
    controllers: await certificate('controllers.pem', { commonName: CONTROLLERS, organizations: [CONTROLLERS], usage: 'client' }),
    serviceAccountKey: await loadOrCreateText(join(dir, 'service-account.key'), async () => exportKey((await generateKeys()).privateKey)),
    encryptionKeys: JSON.parse(await loadOrCreateText(join(dir, 'encryption-keys.json'), firstEncryptionKeys)) as EncryptionKey[],
    ...(etcdCa !== undefined && { etcd: await loadEtcd(readAuthority(etcdCa, join(dir, 'etcd-ca.pem'))) }),
  }

  async function loadEtcd(authority: Authority): Promise<NonNullable<Pki['etcd']>> {
    const client = await certificate('etcd-client.pem', { commonName: 'davit-etcd-client', usage: 'client' }, authority)
    const member = options.etcdDir && (await loadOrRenewEtcdPki({ dir: options.etcdDir, authority, now, days, jitter }))
    return { ca: authority, client, ...(member && { member }) }
  }
}

function firstEncryptionKeys(): string {
  const keys: EncryptionKey[] = [{ name: 'key1', secret: randomBytes(32).toString('base64') }]
  return `${JSON.stringify(keys, undefined, 2)}\n`
}

async function loadOrCreateText(path: string, make: () => string | Promise<string>): Promise<string> {
  return (await readText(path)) ?? (await createFile(path, await make()))
}

/** By what this server shows servers that it passes requests on to that it may speak for others. */
export interface FrontProxy {
  /** What they are to trust, and for nothing else. PEM. */
  readonly authority: string
  /** Of the common name `FRONT_PROXY`. */
  readonly client: KeyPair
}

/** The common name by which extension API servers know whom to believe. */
export const FRONT_PROXY = 'front-proxy-client'

/** Reads it from the PKI's directory, makes what is missing and renews what is due. A CA of its own: the cluster's signs for others too. */
export async function loadOrCreateFrontProxy({
  dir,
  clock,
  jitter = 0,
}: Pick<PkiOptions, 'dir' | 'clock' | 'jitter'>): Promise<FrontProxy> {
  const now = clock.now()
  const authority = await loadOrCreateAuthority(join(dir, 'front-proxy-ca.pem'), now, 'davit-front-proxy-ca')
  const signing = { authority, now, days: CERTIFICATE_LIFETIME_MS / DAY_MS, jitter }
  const client = await loadOrRenew(join(dir, 'front-proxy-client.pem'), { commonName: FRONT_PROXY, usage: 'client' }, signing)
  return { authority: authority.bundle, client }
}

async function loadOrCreateAuthority(path: string, now: number, commonName = 'davit-ca'): Promise<Authority> {
  return readAuthority(
    await loadOrCreateText(path, async () => joined(await createAuthority(commonName, { now, days: AUTHORITY_DAYS }))),
    path,
  )
}

interface Signing {
  authority: KeyPair
  now: number
  days: number
  jitter: number
}

/** Key and certificate share one file, so that they can never be of different makes. */
async function loadOrRenew(path: string, request: CertificateRequest, { authority, now, days, jitter }: Signing): Promise<KeyPair> {
  const existing = await readText(path)
  if (existing !== undefined) {
    const pair = readKeyPair(existing, path)
    const isDue = isRenewalDue(pair.certificate, { now, jitter }) || !fits(pair.certificate, request)
    if (!isDue && (await isSignedBy(pair.certificate, authority))) return pair
  }
  const pair = await createCertificate(authority, request, { now, days })
  await replaceFile(path, joined(pair))
  return pair
}

function fits(certificate: string, { names = [] }: CertificateRequest): boolean {
  return isDeepStrictEqual(namesOf(certificate), [...names].sort())
}

function joined({ certificate, key }: KeyPair): string {
  return certificate + key
}
