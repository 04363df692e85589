/**
 * Who may do what. The cluster's own parts have fixed rights, which no role can take from them: administrators by certificate and the
 * controllers all, a node what its pods need. Everybody has what roles give (RBAC).
 */
import { GROUPS, NODE_USER_PREFIX, PATHS } from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import type { RoleIndex } from '../rbac/index.ts'
import type { User } from '../registry/index.ts'
import { judgeNode, type NodeLookups } from './node-rules.ts'
import type { Attributes, Authorizer, Rights, Verdict } from './types.ts'

/** Paths that open to nodes. */
const NODE_PATHS: ReadonlySet<string> = new Set([PATHS.tunnel, PATHS.drain])

export function createAuthorizer(lookups: NodeLookups, roles: Pick<RoleIndex, 'check' | 'rulesOf'>): Authorizer {
  return {
    authorize: (attributes, body) => judge({ lookups, roles }, attributes, body),
    rightsOf: (user, namespace) => rightsOf(roles, user, namespace),
  }
}

interface Parts {
  readonly lookups: NodeLookups
  readonly roles: Pick<RoleIndex, 'check' | 'rulesOf'>
}

const ALLOWED: Verdict = { allowed: true, reason: '' }

function judge({ lookups, roles }: Parts, attributes: Attributes, body: unknown): Verdict | Promise<Verdict> {
  const { user, resource, path } = attributes
  // Joining proves itself by its token.
  if (isAlmighty(user) || path === PATHS.join) return ALLOWED
  const answer = roles.check(attributes)
  if (answer.allowed) return answer
  const node = nodeNameOf(user)
  if (resource === '') return path !== undefined && mayUsePath(user, node !== undefined, path) ? ALLOWED : answer
  if (node === undefined) return answer
  return judgeNode({ ...attributes, node, body }, lookups).then(why =>
    why === undefined ? ALLOWED : { allowed: false, reason: why || answer.reason },
  )
}

/** Whether no role need be asked for what this user may do. */
function isAlmighty({ groups }: User): boolean {
  return groups.includes(GROUPS.masters) || groups.includes(CONTROLLERS)
}

/** Groups of those who have an account, or had one for a moment, and no certificate of the cluster. */
const WITHOUT_CERTIFICATE = [GROUPS.serviceAccounts, GROUPS.bootstrappers]

function mayUsePath({ groups }: User, isNode: boolean, path: string): boolean {
  // What the cluster is made of is for holders of its certificates; pods need not know.
  if (path === PATHS.cluster) return groups.includes(GROUPS.authenticated) && !WITHOUT_CERTIFICATE.some(group => groups.includes(group))
  return isNode && NODE_PATHS.has(path)
}

function rightsOf(roles: Parts['roles'], user: User, namespace: string | undefined): Rights {
  const { rules, errors } = roles.rulesOf(user, namespace)
  const all = isAlmighty(user)
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
  // A node's rights follow its pods.
  const unknown = [...(nodeNameOf(user) === undefined ? [] : ['node authorizer does not support user rule resolution']), ...new Set(errors)]
  return {
    resourceRules: [
      ...(all ? [everything] : []),
      ...rules.flatMap(({ verbs, apiGroups, resources, resourceNames }) =>
        resources?.length ? [{ verbs, ...(apiGroups && { apiGroups }), resources, ...(resourceNames?.length && { resourceNames }) }] : [],
      ),
    ],
    nonResourceRules: [
      ...(all ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : []),
      ...rules.flatMap(({ verbs, nonResourceURLs }) => (nonResourceURLs?.length ? [{ verbs, nonResourceURLs }] : [])),
    ],
    ...(unknown.length > 0 && { incomplete: unknown.join(', ') }),
  }
}

/** The node a user is; undefined for everybody else. */
function nodeNameOf({ groups, name }: User): string | undefined {
  if (!groups.includes(GROUPS.nodes) || !name.startsWith(NODE_USER_PREFIX)) return undefined
  return name.slice(NODE_USER_PREFIX.length) || undefined
}
