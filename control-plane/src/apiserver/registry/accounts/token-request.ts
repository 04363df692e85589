/** POST to a ServiceAccount's `token`: a token for it, in Kubernetes' form and words. */
import { randomUUID } from 'node:crypto'
import {
  badRequest,
  type Clock,
  conflict,
  type FieldError,
  formatTime,
  invalid,
  type Kind,
  type KubernetesObject,
  nodeKind,
  notFound,
  type Pod,
  podKind,
  SERVICE_ACCOUNT_USER_PREFIX,
  secretKind,
  type Target,
  type TokenRequest,
  tokenRequestKind,
} from '@davit/api'
import type { Storage } from '../../../storage/types.ts'
import { keyOf, type Resources } from '../resources.ts'
import { decodeSpoken } from '../spoken-kinds.ts'
import type { RequestContext, TokenClaims, TokenSigner } from '../types.ts'

export interface TokenRequestDependencies {
  storage: Storage
  resources: Resources
  clock: Clock
  tokens: TokenSigner
}

/** What agents ask for for pods that only name no time: such tokens are good for longer, for programs that read theirs once. */
const MOUNTED_SECONDS = 3607
const EXTENDED_SECONDS = 365 * 24 * 60 * 60

/** Gives the TokenRequest with its token. Throws NotFound, Invalid, BadRequest, and Conflict for a bound object of another uid. */
export async function requestToken(
  dependencies: TokenRequestDependencies,
  context: RequestContext,
  kind: Kind,
  { target, body }: { target: Target; body: unknown },
): Promise<TokenRequest> {
  const { clock, tokens } = dependencies
  const account = await find(dependencies, kind, target, context)
  const { metadata, spec } = readRequest(body, target, context)
  const bound = await boundObject(dependencies, context, { spec, target })
  const now = Math.floor(clock.now() / 1000)
  const seconds = spec.expirationSeconds ?? 0
  const audiences = spec.audiences?.length ? spec.audiences : [...tokens.audiences]
  const isForUs = audiences.some(audience => tokens.audiences.includes(audience))
  const isExtended = bound.pod !== undefined && isForUs && seconds === MOUNTED_SECONDS
  const { namespace = '', name } = target
  const token = await tokens.sign({
    iss: tokens.issuer,
    sub: `${SERVICE_ACCOUNT_USER_PREFIX}${namespace}:${name}`,
    aud: audiences,
    exp: now + (isExtended ? EXTENDED_SECONDS : seconds),
    iat: now,
    nbf: now,
    jti: randomUUID(),
    'kubernetes.io': {
      namespace,
      ...bound,
      serviceaccount: { name, uid: account.metadata.uid ?? '' },
      ...(isExtended && { warnafter: now + seconds }),
    },
  })
  return {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { ...metadata, name, namespace, creationTimestamp: formatTime(clock.now()) },
    spec: { ...spec, audiences },
    status: { token, expirationTimestamp: formatTime((now + seconds) * 1000) },
  }
}

function readRequest(body: unknown, { name, namespace = '' }: Target, context: RequestContext): TokenRequest {
  const request = decodeSpoken(tokenRequestKind, body, context)
  request.spec ??= {}
  tokenRequestKind.applyDefaults(request)
  const { metadata } = request
  const errors: FieldError[] = []
  const mustMatch = (field: 'name' | 'namespace', wanted: string) => {
    const value = metadata[field]
    const detail = `must match the service account ${field} if specified`
    if (value && value !== wanted) errors.push({ type: 'Invalid', field: `metadata.${field}`, value, detail })
  }
  mustMatch('name', name)
  mustMatch('namespace', namespace)
  errors.push(...tokenRequestKind.validate(request))
  if (errors.length > 0) throw invalid(tokenRequestKind, metadata.name ?? '', errors)
  return request
}

type Bound = Pick<TokenClaims['kubernetes.io'], 'pod' | 'secret' | 'node'>

async function boundObject(
  dependencies: TokenRequestDependencies,
  context: RequestContext,
  { spec, target }: { spec: TokenRequest['spec']; target: Target },
): Promise<Bound> {
  const ref = spec.boundObjectRef
  if (!ref) return {}
  const { namespace = '', name: account } = target
  const { kind = '', apiVersion = '', name = '' } = ref
  const inNamespace = { namespace, name }
  const get = async <T extends KubernetesObject>(of: Kind<T>, where: Target) => {
    const object = await find(dependencies, of as unknown as Kind, where, context)
    const uid = object.metadata.uid ?? ''
    if (ref.uid && ref.uid !== uid) {
      const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`
      throw conflict({ group: '', plural: kind }, name, why)
    }
    return { object, uid }
  }
  switch (`${apiVersion}/${kind}`) {
    case 'v1/Pod': {
      const { object, uid } = await get(podKind, inNamespace)
      const { serviceAccountName, nodeName } = (object as Pod).spec
      if (serviceAccountName !== account) {
        throw badRequest(`cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`)
      }
      return { pod: { name, uid }, ...(nodeName && { node: await nodeOf(dependencies, nodeName, context) }) }
    }
    case 'v1/Secret':
      return { secret: { name, uid: (await get(secretKind, inNamespace)).uid } }
    case 'v1/Node':
      return { node: { name, uid: (await get(nodeKind, { name })).uid } }
    default:
      throw badRequest(`cannot bind token for serviceaccount "${account}" to object of type ${typeName(apiVersion, kind)}`)
  }
}

/** As Go prints a group, version and kind. */
function typeName(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`
}

/** A pod's node, of which the token only tells. */
async function nodeOf(
  { storage, resources }: TokenRequestDependencies,
  name: string,
  { signal }: RequestContext,
): Promise<{ name: string; uid?: string }> {
  const kind = nodeKind as unknown as Kind
  const stored = await storage.get(resources.stored(kind), keyOf(kind, { name }), { cached: true, ...(signal && { signal }) })
  const uid = stored?.object.metadata.uid
  return { name, ...(uid && { uid }) }
}

/** From the cache; what it does not have is looked for in etcd. */
async function find(
  { storage, resources }: TokenRequestDependencies,
  kind: Kind,
  target: Target,
  { signal }: RequestContext,
): Promise<KubernetesObject> {
  const options = signal ? { signal } : {}
  const resource = resources.stored(kind)
  const key = keyOf(kind, target)
  const stored = (await storage.get(resource, key, { ...options, cached: true })) ?? (await storage.get(resource, key, options))
  if (!stored) throw notFound(kind, target.name)
  return stored.object
}
