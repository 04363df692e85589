/** Answers to questions about users and their rights, by the same authentication and authorization that requests go through. */
import {
  badRequest,
  type FieldRequirement,
  formatFieldSelector,
  invalid,
  type Kind,
  type KubernetesObject,
  type SelfSubjectReview,
  type SelfSubjectRulesReview,
  type SubjectAccessReview,
  type SubjectAccessReviewSpec,
  type TokenReview,
  type UserInfo,
} from '@davit/api'
import type { AuthenticateToken } from '../accounts/index.ts'
import type { Attributes, Authorizer } from '../authorization/index.ts'
import { decodeSpoken, type RequestContext, type User } from '../registry/index.ts'

export interface Reviews {
  /** The object in `body` with its answer. Throws BadRequest and Invalid. */
  answer(context: RequestContext, kind: Kind, namespace: string | undefined, body: unknown): Promise<KubernetesObject>
}

type Answer = (review: KubernetesObject, user: User) => Promise<KubernetesObject>

export function createReviews(authorizer: Authorizer, authenticateToken: AuthenticateToken | undefined): Reviews {
  const answers: Readonly<Record<string, Answer>> = {
    TokenReview: review => reviewToken(review as TokenReview, authenticateToken),
    SelfSubjectReview: async (review, user) => ({ ...review, status: { userInfo: userInfo(user) } }) as SelfSubjectReview,
    SelfSubjectAccessReview: (review, user) => reviewAccess(authorizer, review as SubjectAccessReview, user),
    SubjectAccessReview: review => reviewSubject(authorizer, review as SubjectAccessReview),
    LocalSubjectAccessReview: review => reviewSubject(authorizer, review as SubjectAccessReview),
    SelfSubjectRulesReview: async (review, user) => reviewRules(authorizer, review as SelfSubjectRulesReview, user),
  }
  return {
    async answer(context, kind, namespace, body) {
      const review = decodeSpoken(kind, body, context)
      if (namespace !== undefined) placeInNamespace(review, namespace)
      const errors = kind.validate(review)
      if (errors.length > 0) throw invalid(kind, '', errors)
      const answer = answers[kind.kind]
      if (!answer) throw new Error(`Cannot answer a ${kind.kind}: nobody knows how`)
      return answer(review, context.user)
    },
  }
}

function placeInNamespace({ metadata }: KubernetesObject, namespace: string): void {
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  metadata.namespace = namespace
}

async function reviewToken(review: TokenReview, authenticate: AuthenticateToken | undefined): Promise<TokenReview> {
  const { token, audiences } = review.spec ?? {}
  if (!token) throw badRequest('token is required for TokenReview in authentication')
  const found = (await authenticate?.(token, audiences?.length ? audiences : undefined)) ?? 'no token is accepted here'
  if (typeof found === 'string') return { ...review, status: { user: {}, error: found } }
  return { ...review, status: { authenticated: true, user: userInfo(found.user), audiences: [...found.audiences] } }
}

function userInfo({ name, uid, groups, extra }: User): UserInfo {
  return {
    username: name,
    ...(uid !== undefined && { uid }),
    groups: [...groups],
    ...(extra && { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }),
  }
}

async function reviewSubject(authorizer: Authorizer, review: SubjectAccessReview): Promise<SubjectAccessReview> {
  const { user = '', groups = [], uid, extra } = review.spec
  return reviewAccess(authorizer, review, { name: user, groups, ...(uid && { uid }), ...(extra && { extra }) })
}

async function reviewAccess(authorizer: Authorizer, review: SubjectAccessReview, user: User): Promise<SubjectAccessReview> {
  const { allowed, reason } = await authorizer.authorize(attributesOf(review.spec, user))
  return { ...review, status: { allowed, ...(reason && { reason }) } }
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec, user: User): Attributes {
  if (nonResourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes
    return { user, verb, path, group: '', resource: '' }
  }
  const { verb = '', group = '', resource = '', subresource, namespace, name, fieldSelector } = resourceAttributes ?? {}
  const selected = fieldSelector?.rawSelector ?? formatFieldSelector(fieldSelector?.requirements?.flatMap(equalities) ?? [])
  return {
    user,
    verb,
    group,
    resource,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(selected && { fieldSelector: selected }),
  }
}

/** Demands for one value are all that rights depend on. */
function equalities({ key, operator, values = [] }: { key: string; operator: string; values?: string[] }): FieldRequirement[] {
  const [value, ...others] = values
  return operator === 'In' && value !== undefined && others.length === 0 ? [{ field: key, operator: '=', value }] : []
}

function reviewRules(authorizer: Authorizer, review: SelfSubjectRulesReview, user: User): SelfSubjectRulesReview {
  const { resourceRules, nonResourceRules, incomplete } = authorizer.rightsOf(user, review.spec.namespace)
  return {
    ...review,
    status: {
      resourceRules: [...resourceRules],
      nonResourceRules: [...nonResourceRules],
      incomplete: incomplete !== undefined,
      ...(incomplete !== undefined && { evaluationError: incomplete }),
    },
  }
}
