/**
 * How a machine becomes a node: a token buys one certificate for one name. The token's use is spent in the same transaction that
 * claims the name, so neither can be had twice; a certificate is handed out only after that.
 */
import {
  apiError,
  type Clock,
  forbidden,
  GROUPS,
  isNodeReady,
  isReason,
  type JoinRequest,
  type JoinResponse,
  type JoinToken,
  type JoinTokenRecord,
  joinTokenSecretName,
  type Kind,
  type Logger,
  NAMESPACES,
  NODE_USER_PREFIX,
  type Node,
  namespaceKind,
  nodeKind,
  parseJoinToken,
  readJoinTokenRecord,
  type Secret,
  secretKind,
  spendJoinToken,
} from '@davit/api'
import type { Authority } from '@davit/api/pki'
import { keyOf, type Registry, type RequestContext, type User } from '../apiserver/registry/index.ts'
import { isSameSecret } from '../same-secret.ts'
import type { Guard, Operation, Storage, Stored } from '../storage/types.ts'
import { AttemptLimiter } from './attempt-limiter.ts'
import { requestedKeyHash, signNodeCertificate } from './node-certificate.ts'

export interface JoinServiceOptions {
  registry: Registry
  storage: Storage
  /** Those at the moment of use: CAs come and go. */
  ca: () => Pick<Authority, 'certificate' | 'key' | 'bundle'>
  /** Of the certificates given to nodes. */
  nodeLifetimeMs?: number
  clock: Clock
  log: Logger
}

export interface JoinService {
  /**
   * A node's first certificate. Throws Unauthorized with why the token is no good, Conflict when a live node has the name,
   * TooManyRequests after many wrong tokens from `remoteAddress`, BadRequest for a broken request.
   */
  join(request: JoinRequest, token: string, remoteAddress: string): Promise<JoinResponse>
  /** A new certificate for a node that shows its present one. Throws Forbidden for another name than its own. */
  renew(request: JoinRequest, user: User): Promise<JoinResponse>
}

/** Who holds a name between the join and the Node object's appearance. */
interface Claim {
  tokenId: string
  keyHash: string
  /** Milliseconds since the epoch. */
  at: number
}

const CONTEXT: RequestContext = { user: { name: 'system:apiserver', groups: [GROUPS.masters] } }
const SECRETS = secretKind as unknown as Kind
const NODES = nodeKind as unknown as Kind
const NAMESPACES_KIND = namespaceKind as unknown as Kind
const TRIES = 8
/** A machine that joined registers its Node within moments. */
const CLAIM_MS = 30_000

export function createJoinService(options: JoinServiceOptions): JoinService {
  const { clock, log } = options
  const limiter = new AttemptLimiter(clock)
  return {
    async join(request, tokenText, address) {
      limiter.check(address)
      const token = parseJoinToken(tokenText)
      if (!token) {
        limiter.failed(address)
        throw apiError('Unauthorized', 'the join token is malformed: it must look like abcdef.0123456789abcdef')
      }
      let answer: JoinResponse
      try {
        // For strangers nothing is signed.
        await findSecret(options, token)
        // Before anything is spent: a broken request costs no use.
        answer = await prepare(options, request)
        await admit(options, token, request)
      } catch (error) {
        if (isReason(error, 'Unauthorized')) limiter.failed(address)
        log.warn({ address, nodeName: request.nodeName, err: error }, 'Refused a node that wants to join')
        throw error
      }
      log.info({ address, nodeName: request.nodeName, token: token.id }, 'Node joined')
      return answer
    },
    async renew(request, user) {
      if (!user.groups.includes(GROUPS.nodes) || user.name !== NODE_USER_PREFIX + request.nodeName) {
        throw forbidden(nodeKind, request.nodeName, `User ${JSON.stringify(user.name)} cannot renew a certificate of this node`)
      }
      return prepare(options, request)
    },
  }
}

/** The answer to a request that is in order, which is still to be found out. */
async function prepare(options: JoinServiceOptions, { nodeName, certificateRequest }: JoinRequest): Promise<JoinResponse> {
  const { registry, clock, nodeLifetimeMs } = options
  const ca = options.ca()
  const lifetime = nodeLifetimeMs === undefined ? {} : { lifetimeMs: nodeLifetimeMs }
  const certificate = await signNodeCertificate(ca, certificateRequest, { nodeName, clock, ...lifetime })
  const { object } = await registry.get(CONTEXT, NAMESPACES_KIND, { name: NAMESPACES.system })
  return { certificate, certificateAuthority: ca.bundle, clusterId: object.metadata.uid ?? '' }
}

/** Spends the token for the name, or throws why not. */
async function admit(options: JoinServiceOptions, token: JoinToken, request: JoinRequest): Promise<void> {
  const { storage, clock } = options
  const { nodeName } = request
  const keyHash = requestedKeyHash(request.certificateRequest)
  const claimKey = `/davit/joins/${nodeName}`
  for (let tries = 0; tries < TRIES; tries++) {
    const secret = await findSecret(options, token)
    const record = readJoinTokenRecord(secret.object as Secret)
    const claimed = await storage.read(claimKey)
    const claim = claimed && (JSON.parse(claimed.value) as Claim)
    const isAgain = claim?.tokenId === token.id && claim.keyHash === keyHash
    checkToken(record, nodeName, { now: clock.now(), isAgain })
    // The answer to the first request was lost; its key is the same, so nothing new is given away.
    if (isAgain) return

    const node = await findNode(options, nodeName)
    const isOther = claim !== undefined && clock.now() - claim.at < CLAIM_MS && claim.at <= clock.now()
    if (record.nodeName !== nodeName && ((node && isNodeReady(node.object as Node)) || isOther)) {
      throw apiError('Conflict', `node name "${nodeName}" is already taken by a live node`, { name: nodeName, kind: 'nodes' })
    }
    const value = JSON.stringify({ tokenId: token.id, keyHash, at: clock.now() } satisfies Claim)
    const operations: Operation[] = [
      claimed ? { type: 'update', key: claimKey, value, revision: claimed.revision } : { type: 'create', key: claimKey, value },
    ]
    const guards: Guard[] = [{ key: keyOf(NODES, { name: nodeName }), revision: node?.revision ?? 0 }]
    const spent = spendJoinToken(secret.object as Secret)
    if (spent === secret.object) guards.push({ key: secret.key, revision: secret.revision })
    else operations.push({ type: 'update', key: secret.key, value: withoutVersion(spent), revision: secret.revision })
    const outcome = await storage.commit(operations, guards)
    if (outcome.committed) return
  }
  throw apiError('Conflict', `Cannot admit node "${nodeName}": others keep joining with the same token; try again`)
}

async function findSecret({ registry }: JoinServiceOptions, token: JoinToken): Promise<Stored> {
  const unknown = () => apiError('Unauthorized', 'the join token is not known to this cluster')
  try {
    const stored = await registry.get(CONTEXT, SECRETS, { namespace: NAMESPACES.system, name: joinTokenSecretName(token.id) })
    // In constant time, and in the same words as an unknown id: nothing tells how near a guess was.
    if (!isSameSecret(readJoinTokenRecord(stored.object as Secret).secret, token.secret)) throw unknown()
    return stored
  } catch (error) {
    if (isReason(error, 'NotFound')) throw unknown()
    throw error
  }
}

function checkToken(record: JoinTokenRecord, nodeName: string, { now, isAgain }: { now: number; isAgain: boolean }): void {
  const refuse = (why: string) => apiError('Unauthorized', `the join token ${why}`)
  if (!record.isForJoining) throw refuse('is not meant for joining (usage-bootstrap-authentication is not "true")')
  if (record.expiresAt <= now) throw refuse(`expired at ${new Date(record.expiresAt).toISOString()}; make a new one`)
  if (record.usesLeft <= 0 && !isAgain) throw refuse('has been used already; make a new one')
  if (record.nodeName && record.nodeName !== nodeName) throw refuse(`is good for node "${record.nodeName}" only`)
}

async function findNode({ registry }: JoinServiceOptions, name: string): Promise<Stored | undefined> {
  try {
    return await registry.get(CONTEXT, NODES, { name })
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}

function withoutVersion(secret: Secret): Secret {
  const { resourceVersion: _, ...metadata } = secret.metadata
  return { ...secret, metadata }
}
