/** Bootstrap tokens as users: who shows one is `system:bootstrap:<id>` until it expires, and may do what roles give its groups. */
import {
  type Clock,
  GROUPS,
  isReason,
  JOIN_TOKEN_TYPE,
  joinTokenSecretName,
  type Kind,
  NAMESPACES,
  parseJoinToken,
  readJoinTokenRecord,
  type Secret,
  secretKind,
} from '@davit/api'
import { isSameSecret } from '../../same-secret.ts'
import type { Registry, RequestContext, User } from '../registry/index.ts'
import type { AuthenticateToken } from './authenticate.ts'

const CONTEXT: RequestContext = { user: { name: 'system:apiserver', groups: [GROUPS.masters] } }
const SECRETS = secretKind as unknown as Kind
/** A token leads into groups of these alone, whoever wrote its Secret. */
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/
/** The same for every token that is none, so that no answer tells how near a guess was. */
const INVALID = 'invalid bearer token'

/** Judges tokens of that form, for `audiences`, and leaves all others to `next`. */
export function withBootstrapTokens(
  next: AuthenticateToken,
  { registry, audiences, clock }: { registry: Registry; audiences: readonly string[]; clock: Clock },
): AuthenticateToken {
  return async (text, wanted = audiences) => {
    const token = parseJoinToken(text)
    if (!token || `${token.id}.${token.secret}` !== text) return next(text, wanted)
    const accepted = wanted.filter(audience => audiences.includes(audience))
    if (accepted.length === 0) return INVALID
    const secret = await findSecret(registry, joinTokenSecretName(token.id))
    const user = secret && userOf(secret, token, clock.now())
    return user ? { user, audiences: accepted } : INVALID
  }
}

/** The user whom the token of that Secret makes; undefined when it makes none. */
export function userOf(secret: Secret, token: { readonly id: string; readonly secret: string }, now: number): User | undefined {
  const { type, metadata, data } = secret
  const record = readJoinTokenRecord(secret)
  const read = (name: string) => (data?.[name] === undefined ? undefined : Buffer.from(data[name], 'base64').toString())
  if (
    !isSameSecret(record.secret, token.secret) ||
    type !== JOIN_TOKEN_TYPE ||
    metadata.deletionTimestamp ||
    read('token-id') !== token.id
  ) {
    return undefined
  }
  // A join token that let in as many nodes as it should is worth nothing any more.
  if (!record.isForJoining || record.expiresAt <= now || record.usesLeft <= 0) return undefined
  const extra = (read('auth-extra-groups') ?? '').split(',').filter(group => group !== '')
  if (!extra.every(group => EXTRA_GROUP.test(group))) return undefined
  const groups = [...new Set([GROUPS.bootstrappers, ...extra, GROUPS.authenticated])]
  return { name: `system:bootstrap:${token.id}`, groups }
}

async function findSecret(registry: Registry, name: string): Promise<Secret | undefined> {
  const target = { namespace: NAMESPACES.system, name }
  try {
    return (await registry.get(CONTEXT, SECRETS, target)).object as Secret
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}
