/** Who this agent is to its cluster: key, certificate and CA, on disk as files only root reads. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  ApiError,
  type Clock,
  certificatesIn,
  connectHttp,
  deadlineSignal,
  GROUPS,
  type HttpClient,
  type JoinRequest,
  type JoinResponse,
  type Logger,
  mustJoinAgain,
  NODE_USER_PREFIX,
  PATHS,
  publicKeyHash,
} from '@davit/api'
import { z } from 'zod'
import { certificateRequest } from './certificate-request.ts'
import { Refused } from './refused.ts'
import { fetchCertificateAuthority } from './trust.ts'

export interface Identity {
  readonly nodeName: string
  /** kube-system's uid. */
  readonly clusterId: string
  /** PEM, all three; of CAs there may be several, one after the other. */
  readonly certificateAuthority: string
  readonly certificate: string
  readonly key: string
}

export interface JoinOptions {
  dir: string
  servers: readonly string[]
  nodeName: string
  caHash: string | undefined
  /** Gives the join token; asked only for a join. */
  token: () => Promise<string | undefined>
  /** Joins also in place of an identity that is of no use any more. */
  again?: boolean
  clock: Clock
  log: Logger
  signal: AbortSignal
}

const JOIN_KEY = 'join.key'
const RETRY_MS = { min: 500, max: 5_000 }
const JOIN_MS_MAX = 30_000
const responseSchema = z.object({ certificate: z.string(), certificateAuthority: z.string(), clusterId: z.string().min(1) })

/**
 * The identity kept in `dir`, or a new one got with the token; waits for an API server that is away. Throws `Refused` when the cluster
 * refuses or is another one, its CA is not the one wanted, or what is kept is of another node.
 */
export async function loadOrJoin(options: JoinOptions): Promise<Identity> {
  const { nodeName, caHash, clock, log, signal } = options
  const kept = await readIdentity(options.dir)
  if (kept && kept.nodeName !== nodeName) {
    const { dir } = options
    throw new Refused(
      `"${dir}" holds the identity of node "${kept.nodeName}", wanted "${nodeName}": use its name, or another --data-dir, or run "davit-node-agent uninstall" first`,
    )
  }
  if (kept && !(options.again && mustJoinAgain(kept, { now: clock.now(), caHash }))) return kept
  const token = await options.token()
  const lacking = !token?.trim() ? '--token-file with a join token' : !caHash && !kept ? "--ca-hash with the hash of the cluster's CA" : ''
  if (!token || lacking) throw new Refused(`Node "${nodeName}" has no certificate ${kept ? 'of use any more' : 'yet'}: give ${lacking}`)
  const keys = await loadOrCreateKeys(options.dir)
  for (let delayMs = RETRY_MS.min; ; delayMs = Math.min(RETRY_MS.max, delayMs * 2)) {
    try {
      return await joinCluster(options, { token, caHash, kept, keys })
    } catch (err) {
      if (err instanceof Refused || signal.aborted) throw err
      log.warn({ err, servers: options.servers }, 'Cannot join yet')
      await clock.sleep(delayMs, signal)
    }
  }
}

/**
 * A new identity in place of `kept`, with a token; one try. The CA must be the one with the hash given, or one that is trusted already.
 * Throws `Refused` as `loadOrJoin`, and when the cluster is another one.
 */
export async function rejoin(kept: Identity, options: JoinPlace & { caHash: string | undefined; token: string }): Promise<Identity> {
  const { dir, token, caHash } = options
  return joinCluster(options, { token, caHash, kept, keys: await loadOrCreateKeys(dir) })
}

/** A new certificate for the same name and key pair of its own, got with the present one. */
export async function renew(
  identity: Identity,
  client: Pick<HttpClient, 'raw'>,
  { dir, signal }: { dir: string; signal: AbortSignal },
): Promise<Identity> {
  const keys = keyPair(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const response = await post(client, requestFor(identity.nodeName, keys), signal)
  const { certificate, certificateAuthority } = response
  const renewed = { ...identity, certificate, certificateAuthority, key: pemOf(keys.privateKey) }
  await saveIdentity(dir, renewed)
  return renewed
}

type JoinPlace = Pick<JoinOptions, 'dir' | 'servers' | 'nodeName' | 'clock' | 'log' | 'signal'>

interface Keys {
  privateKey: KeyObject
  publicKey: KeyObject
}

async function joinCluster(
  { servers, nodeName, dir, log, clock, signal }: JoinPlace,
  { token, caHash, kept, keys }: { token: string; caHash: string | undefined; kept: Identity | undefined; keys: Keys },
): Promise<Identity> {
  const hashes = certificatesIn(kept?.certificateAuthority ?? '').map(certificate => publicKeyHash(certificate))
  if (caHash) hashes.push(caHash)
  const certificateAuthority = await firstAuthority(servers, hashes)
  const client = connectHttp({ servers, certificateAuthority, token: token.trim(), userAgent: 'davit-node-agent', clock, log })
  try {
    const response = await post(client, requestFor(nodeName, keys), deadlineSignal(JOIN_MS_MAX, signal))
    if (kept && kept.clusterId !== response.clusterId) {
      throw new Refused(
        `This machine is node "${nodeName}" of cluster ${kept.clusterId}, but the API server is of cluster ${response.clusterId}: run "davit-node-agent uninstall" first to move it, and make a new token`,
      )
    }
    const identity = {
      nodeName,
      clusterId: response.clusterId,
      certificateAuthority: response.certificateAuthority,
      certificate: response.certificate,
      key: pemOf(keys.privateKey),
    }
    await saveIdentity(dir, identity)
    // A key serves for one join.
    await rm(join(dir, JOIN_KEY), { force: true })
    log.info({ nodeName, clusterId: identity.clusterId }, 'Joined the cluster')
    return identity
  } finally {
    client.close()
  }
}

async function firstAuthority(servers: readonly string[], hashes: readonly string[]): Promise<string> {
  let failure: unknown
  for (const server of servers) {
    try {
      return await fetchCertificateAuthority(server, hashes)
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
  const path = join(dir, JOIN_KEY)
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

/** Replaces what is kept, at once. */
export async function saveIdentity(dir: string, identity: Identity): Promise<void> {
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
