/** Who may do what, until there are roles: fixed rights for the cluster's own parts, and for others what Kubernetes gives everybody. */
import { GROUPS, NODE_USER_PREFIX, PATHS } from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import type { User } from '../registry/index.ts'
import { grantsOf, isGranted } from './everyone.ts'
import { judgeNode, type NodeLookups } from './node-rules.ts'
import type { Attributes, Authorizer, Rights, Verdict } from './types.ts'

/** Paths that open to nodes. */
const NODE_PATHS: ReadonlySet<string> = new Set([PATHS.tunnel, PATHS.drain])

export function createAuthorizer(lookups: NodeLookups): Authorizer {
  return { authorize: (attributes, body) => judge(lookups, attributes, body), rightsOf }
}

const ALLOWED: Verdict = { allowed: true, reason: '' }
const DENIED: Verdict = { allowed: false, reason: '' }

async function judge(lookups: NodeLookups, attributes: Attributes, body: unknown): Promise<Verdict> {
  const { user, resource, path } = attributes
  if (isAlmighty(user) || isGranted(attributes)) return ALLOWED
  const node = nodeNameOf(user)
  if (resource === '') return path !== undefined && mayUsePath(user, node !== undefined, path) ? ALLOWED : DENIED
  if (node === undefined) return DENIED
  const why = await judgeNode({ ...attributes, node, body }, lookups)
  return why === undefined ? ALLOWED : { allowed: false, reason: why }
}

function isAlmighty({ groups }: User): boolean {
  return groups.includes(GROUPS.masters) || groups.includes(CONTROLLERS)
}

function mayUsePath({ groups }: User, isNode: boolean, path: string): boolean {
  // What the cluster is made of is for holders of its certificates; pods need not know.
  if (path === PATHS.cluster) return groups.includes(GROUPS.authenticated) && !groups.includes(GROUPS.serviceAccounts)
  return isNode && NODE_PATHS.has(path)
}

function rightsOf(user: User): Rights {
  const grants = grantsOf(user)
  const all = isAlmighty(user)
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
  return {
    resourceRules: [...(all ? [everything] : []), ...grants.flatMap(({ resources }) => resources)],
    nonResourceRules: [...(all ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : []), ...grants.flatMap(({ paths }) => paths)],
    // A node's rights follow its pods.
    ...(nodeNameOf(user) !== undefined && { incomplete: 'node authorizer does not support user rule resolution' }),
  }
}

/** The node a user is; undefined for everybody else. */
function nodeNameOf({ groups, name }: User): string | undefined {
  if (!groups.includes(GROUPS.nodes) || !name.startsWith(NODE_USER_PREFIX)) return undefined
  return name.slice(NODE_USER_PREFIX.length) || undefined
}
