/** Who this agent is to its cluster: key, certificate and CA, on disk as files only root reads. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  ApiError,
  type Clock,
  connectHttp,
  GROUPS,
  type HttpClient,
  type JoinRequest,
  type JoinResponse,
  type Logger,
  NODE_USER_PREFIX,
  PATHS,
} from '@davit/api'
import { z } from 'zod'
import { certificateRequest } from './certificate-request.ts'
import { Refused } from './refused.ts'
import { fetchCertificateAuthority } from './trust.ts'

export interface Identity {
  readonly nodeName: string
  /** kube-system's uid. */
  readonly clusterId: string
  /** PEM, all three. */
  readonly certificateAuthority: string
  readonly certificate: string
  readonly key: string
}

export interface JoinOptions {
  dir: string
  servers: readonly string[]
  nodeName: string
  caHash: string | undefined
  /** Gives the join token; asked only when there is no certificate yet. */
  token: () => Promise<string | undefined>
  clock: Clock
  log: Logger
  signal: AbortSignal
}

const RETRY_MS = { min: 500, max: 5_000 }
const JOIN_MS_MAX = 30_000
const responseSchema = z.object({ certificate: z.string(), certificateAuthority: z.string(), clusterId: z.string().min(1) })

/**
 * The identity kept in `dir`, or a new one got with the token; waits for an API server that is away. Throws `Refused` when the cluster
 * refuses, its CA is not the one wanted, or the kept certificate is of no use.
 */
export async function loadOrJoin(options: JoinOptions): Promise<Identity> {
  const { nodeName, clock, log, signal } = options
  const kept = await readIdentity(options.dir)
  if (kept) return checked(kept, options)
  const token = await options.token()
  if (!token) throw new Refused(`Node "${nodeName}" has no certificate yet: give --token-file with a join token`)
  if (!options.caHash) throw new Refused(`Node "${nodeName}" has no certificate yet: give --ca-hash with the hash of the cluster's CA`)
  const keys = await loadOrCreateKeys(options.dir)
  for (let delayMs = RETRY_MS.min; ; delayMs = Math.min(RETRY_MS.max, delayMs * 2)) {
    try {
      return await joinCluster(options, { token: token.trim(), caHash: options.caHash, keys })
    } catch (err) {
      if (err instanceof Refused || signal.aborted) throw err
      log.warn({ err, servers: options.servers }, 'Cannot join yet')
      await clock.sleep(delayMs, signal)
    }
  }
}

/** A new certificate for the same name and key pair of its own, got with the present one. */
export async function renew(
  identity: Identity,
  client: Pick<HttpClient, 'raw'>,
  { dir, signal }: { dir: string; signal: AbortSignal },
): Promise<Identity> {
  const keys = keyPair(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const response = await post(client, requestFor(identity.nodeName, keys), signal)
  const renewed = { ...identity, certificate: response.certificate, key: pemOf(keys.privateKey) }
  await save(dir, renewed)
  return renewed
}

/** Milliseconds since the epoch at which two thirds of the certificate's life have passed. */
export function renewalTime({ certificate }: Identity): number {
  const { validFrom, validTo } = new X509Certificate(certificate)
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)]
  return from + ((to - from) * 2) / 3
}

function checked(kept: Identity, { nodeName, clock, dir }: JoinOptions): Identity {
  if (kept.nodeName !== nodeName) {
    throw new Refused(`"${dir}" holds the identity of node "${kept.nodeName}", wanted "${nodeName}": use its name, or another --data-dir`)
  }
  const { validTo } = new X509Certificate(kept.certificate)
  if (Date.parse(validTo) <= clock.now()) {
    throw new Refused(`The certificate of node "${nodeName}" ended at ${validTo}: remove "${dir}" and join again with a new token`)
  }
  return kept
}

interface Keys {
  privateKey: KeyObject
  publicKey: KeyObject
}

async function joinCluster(
  { servers, nodeName, dir, log, clock, signal }: JoinOptions,
  { token, caHash, keys }: { token: string; caHash: string; keys: Keys },
): Promise<Identity> {
  const certificateAuthority = await firstAuthority(servers, caHash)
  const client = connectHttp({ servers, certificateAuthority, token, userAgent: 'davit-node-agent', clock, log })
  try {
    const response = await post(client, requestFor(nodeName, keys), AbortSignal.any([signal, AbortSignal.timeout(JOIN_MS_MAX)]))
    const identity = {
      nodeName,
      clusterId: response.clusterId,
      certificateAuthority,
      certificate: response.certificate,
      key: pemOf(keys.privateKey),
    }
    await save(dir, identity)
    log.info({ nodeName, clusterId: identity.clusterId }, 'Joined the cluster')
    return identity
  } finally {
    client.close()
  }
}

async function firstAuthority(servers: readonly string[], caHash: string): Promise<string> {
  let failure: unknown
  for (const server of servers) {
    try {
      return await fetchCertificateAuthority(server, caHash)
    } catch (err) {
      if (err instanceof Refused) throw err
      failure = err
    }
  }
  throw failure
}

/** Throws `Refused` for what the API will not change its mind about. */
async function post(client: Pick<HttpClient, 'raw'>, request: JoinRequest, signal: AbortSignal): Promise<JoinResponse> {
  const headers = { 'content-type': 'application/json' }
  const response = await client.raw({ method: 'POST', path: PATHS.join, headers, body: JSON.stringify(request), signal })
  const chunks: Buffer[] = []
  for await (const chunk of response.body) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (response.status === 200) return responseSchema.parse(JSON.parse(text))
  const why = messageOf(text)
  const isFinal = [400, 401, 403, 409, 422].includes(response.status)
  if (isFinal) throw new Refused(`The cluster refused node "${request.nodeName}": ${why}`)
  throw new Error(`The request to join was answered with ${response.status}: ${why}`)
}

function messageOf(body: string): string {
  try {
    return new ApiError(JSON.parse(body)).message
  } catch {
    return body.slice(0, 200)
  }
}

function requestFor(nodeName: string, keys: Keys): JoinRequest {
  return { nodeName, certificateRequest: certificateRequest(keys, { commonName: NODE_USER_PREFIX + nodeName, organization: GROUPS.nodes }) }
}

function keyPair(privateKey: KeyObject): Keys {
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The same key for every try: then the API knows a repeated request whose answer was lost, and does not ask for another token. */
async function loadOrCreateKeys(dir: string): Promise<Keys> {
  const path = join(dir, 'join.key')
  const kept = await readFile(path, 'utf8').catch(() => undefined)
  if (kept) return keyPair(createPrivateKey(kept))
  const keys = keyPair(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  await writeSecret(path, pemOf(keys.privateKey))
  return keys
}

const keptSchema = z.object({
  nodeName: z.string(),
  clusterId: z.string(),
  certificateAuthority: z.string(),
  certificate: z.string(),
  key: z.string(),
})

/** What is kept in `dir`; undefined when there is nothing. All in one file, so that key and certificate can never be of different makes. */
export async function readIdentity(dir: string): Promise<Identity | undefined> {
  const path = join(dir, 'identity.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw err
  }
  try {
    return keptSchema.parse(JSON.parse(text))
  } catch (err) {
    throw new Refused(`Cannot read "${path}": remove it and join again with a new token`, { cause: err })
  }
}

async function save(dir: string, identity: Identity): Promise<void> {
  await writeSecret(join(dir, 'identity.json'), JSON.stringify(identity, undefined, 2))
}

async function writeSecret(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
