/** The cluster's keys on disk: made on first start, renewed in time, never readable by others. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { publicKeyHash } from '../public-key-hash.ts'
import { GROUPS, NETWORKS } from '../well-known.ts'
import { type CertificateRequest, createAuthority, createCertificate, daysLeft, isSignedBy, type KeyPair, namesOf } from './certificates.ts'
import { createFile, readText, replaceFile } from './files.ts'
import { exportKey, generateKeys } from './keys.ts'

export interface Pki {
  ca: KeyPair & { publicKeyHash: string }
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
  clock: Clock
}

/** The group of controllers and scheduler. */
export const CONTROLLERS = 'system:davit:controllers'

const CA_DAYS = 10 * 365
const CERTIFICATE_DAYS = 365
const RENEW_BEFORE_DAYS = 30

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

/** Reads what is in `dir`, makes what is missing, renews what ends within 30 days or no longer fits. */
export async function loadOrCreatePki({ dir, serverNames, clock }: PkiOptions): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  const now = clock.now()
  const ca = await loadOrCreate(join(dir, 'ca.pem'), () => createAuthority('davit-ca', { now, days: CA_DAYS }))
  const names = [...new Set([...COMMON_NAMES, ...serverNames])].sort()
  const certificate = (file: string, request: CertificateRequest) => loadOrRenew(join(dir, file), ca, request, now)
  return {
    ca: { ...ca, publicKeyHash: publicKeyHash(ca.certificate) },
    server: await certificate('server.pem', { commonName: 'davit-apiserver', usage: 'both', names }),
    admin: await certificate('admin.pem', { commonName: 'kubernetes-admin', organizations: [GROUPS.masters], usage: 'client' }),
    controllers: await certificate('controllers.pem', { commonName: CONTROLLERS, organizations: [CONTROLLERS], usage: 'client' }),
    serviceAccountKey: await loadOrCreateText(join(dir, 'service-account.key'), async () => exportKey((await generateKeys()).privateKey)),
    encryptionKeys: JSON.parse(await loadOrCreateText(join(dir, 'encryption-keys.json'), firstEncryptionKeys)) as EncryptionKey[],
  }
}

function firstEncryptionKeys(): string {
  const keys: EncryptionKey[] = [{ name: 'key1', secret: randomBytes(32).toString('base64') }]
  return `${JSON.stringify(keys, undefined, 2)}\n`
}

async function loadOrCreateText(path: string, make: () => string | Promise<string>): Promise<string> {
  return (await readText(path)) ?? (await createFile(path, await make()))
}

/** Key and certificate share one file, so that they can never be of different makes. */
async function loadOrCreate(path: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  return split(path, await loadOrCreateText(path, async () => joined(await make())))
}

async function loadOrRenew(path: string, ca: KeyPair, request: CertificateRequest, now: number): Promise<KeyPair> {
  const existing = await readText(path)
  if (existing !== undefined) {
    const pair = split(path, existing)
    if (await isGood(pair, ca, request, now)) return pair
  }
  const pair = await createCertificate(ca, request, { now, days: CERTIFICATE_DAYS })
  await replaceFile(path, joined(pair))
  return pair
}

async function isGood({ certificate }: KeyPair, ca: KeyPair, { names = [] }: CertificateRequest, now: number): Promise<boolean> {
  const present = namesOf(certificate)
  const wanted = [...names].sort()
  const sameNames = present.length === wanted.length && wanted.every((name, index) => name === present[index])
  return sameNames && daysLeft(certificate, now) > RENEW_BEFORE_DAYS && (await isSignedBy(certificate, ca))
}

function joined({ certificate, key }: KeyPair): string {
  return certificate + key
}

const BLOCK = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----\n?/g

function split(path: string, text: string): KeyPair {
  const blocks = new Map([...text.matchAll(BLOCK)].map(([block, type]) => [type, block]))
  const certificate = blocks.get('CERTIFICATE')
  const key = blocks.get('PRIVATE KEY')
  if (!certificate || !key)
    throw new Error(`Cannot read "${path}": found ${[...blocks.keys()].join(', ') || 'no PEM block'}, wanted CERTIFICATE and PRIVATE KEY`)
  return { certificate, key }
}
