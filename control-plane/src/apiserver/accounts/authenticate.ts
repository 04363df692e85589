/** Whose token it is: beyond the signature, what the token stands for must still be there. */
import {
  type Clock,
  GROUPS,
  isReason,
  type Kind,
  type KubernetesObject,
  nodeKind,
  podKind,
  SERVICE_ACCOUNT_USER_PREFIX,
  secretKind,
  serviceAccountKind,
  type Target,
} from '@davit/api'
import type { Registry, RequestContext, TokenClaims, User } from '../registry/index.ts'
import type { AccountTokens } from './tokens.ts'

export interface Authenticated {
  readonly user: User
  /** Those of the audiences asked for that the token is meant for. */
  readonly audiences: readonly string[]
}

/** `audiences`: the token must be meant for one of them; left out: for the API server. A text says why the token is nobody's. */
export type AuthenticateToken = (token: string, audiences?: readonly string[]) => Promise<Authenticated | string>

const CONTEXT: RequestContext = { user: { name: 'system:apiserver', groups: [GROUPS.masters] } }
/** So long after its time to go an object still vouches for its tokens: clocks differ, and pods take leave. */
const DELETED_MS_MAX = 60_000

export function createAuthenticateToken(tokens: AccountTokens, registry: Registry, clock: Clock): AuthenticateToken {
  return async (token, wanted = tokens.audiences) => {
    const claims = await tokens.read(token)
    if (typeof claims === 'string') return claims
    const audiences = wanted.filter(audience => claims.aud.includes(audience))
    if (audiences.length === 0) {
      return `token audiences ${JSON.stringify(claims.aud)} is invalid for the target audiences ${JSON.stringify(wanted)}`
    }
    const missing = await missingObject(claims, registry, clock)
    return missing ?? { user: userOf(claims), audiences }
  }
}

/** Why an object the token depends on no longer vouches for it. */
async function missingObject(claims: TokenClaims, registry: Registry, clock: Clock): Promise<string | undefined> {
  const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io']
  const objects: Wanted[] = [
    {
      what: 'service account',
      kind: erased(serviceAccountKind),
      target: { namespace, name: serviceaccount.name },
      uid: serviceaccount.uid,
    },
  ]
  if (secret) objects.push({ what: 'secret', kind: erased(secretKind), target: { namespace, name: secret.name }, uid: secret.uid })
  if (pod) objects.push({ what: 'pod', kind: erased(podKind), target: { namespace, name: pod.name }, uid: pod.uid })
  // A pod's token tells the pod's node; only a token bound to a node ends with it.
  else if (node?.uid) objects.push({ what: 'node', kind: erased(nodeKind), target: { name: node.name }, uid: node.uid })
  for (const wanted of objects) {
    const why = await whyNot(registry, clock, wanted)
    if (why !== undefined) return `${wanted.what} ${why}`
  }
  return undefined
}

/** Everything is looked up in the same way. */
function erased<T extends KubernetesObject>(kind: Kind<T>): Kind {
  return kind as unknown as Kind
}

interface Wanted {
  readonly what: string
  readonly kind: Kind
  readonly target: Target
  readonly uid: string
}

async function whyNot(registry: Registry, clock: Clock, { kind, target, uid }: Wanted): Promise<string | undefined> {
  const isWanted = (object: KubernetesObject | undefined) => object?.metadata.uid === uid
  let object = await find(registry, kind, target, { resourceVersion: '0' })
  // The cache may not have heard yet of what was just made.
  if (!isWanted(object)) object = await find(registry, kind, target, {})
  if (!object) return 'token has been invalidated'
  if (!isWanted(object)) return `UID (${object.metadata.uid}) does not match claim (${uid})`
  const { deletionTimestamp } = object.metadata
  const isGone = deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < clock.now() - DELETED_MS_MAX
  return isGone ? 'has been deleted' : undefined
}

async function find(
  registry: Registry,
  kind: Kind,
  target: Target,
  options: { resourceVersion?: string },
): Promise<KubernetesObject | undefined> {
  try {
    return (await registry.get(CONTEXT, kind, target, options)).object
  } catch (err) {
    if (isReason(err, 'NotFound')) return undefined
    throw err
  }
}

function userOf({ jti, 'kubernetes.io': { namespace, serviceaccount, pod, node } }: TokenClaims): User {
  const PREFIX = 'authentication.kubernetes.io'
  return {
    name: `${SERVICE_ACCOUNT_USER_PREFIX}${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: [GROUPS.serviceAccounts, `${GROUPS.serviceAccounts}:${namespace}`, GROUPS.authenticated],
    extra: {
      [`${PREFIX}/credential-id`]: [`JTI=${jti}`],
      ...(node && { [`${PREFIX}/node-name`]: [node.name], ...(node.uid && { [`${PREFIX}/node-uid`]: [node.uid] }) }),
      ...(pod && { [`${PREFIX}/pod-name`]: [pod.name], [`${PREFIX}/pod-uid`]: [pod.uid] }),
    },
  }
}
