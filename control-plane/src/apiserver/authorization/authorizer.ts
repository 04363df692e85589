/** Who may do what, until there are roles: fixed rights for the cluster's own parts, and for nobody else. */
import { GROUPS, NODE_USER_PREFIX, PATHS } from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'
import { judgeNode, type NodeLookups } from './node-rules.ts'
import type { Attributes, Authorizer, Verdict } from './types.ts'

const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version'])
/** Paths that any certificate of the cluster opens, and those that open to nodes. */
const NODE_PATHS: ReadonlySet<string> = new Set([PATHS.tunnel, PATHS.drain])

export function createAuthorizer(lookups: NodeLookups): Authorizer {
  return { authorize: (attributes, body) => judge(lookups, attributes, body) }
}

const ALLOWED: Verdict = { allowed: true, reason: '' }
const DENIED: Verdict = { allowed: false, reason: '' }

async function judge(lookups: NodeLookups, attributes: Attributes, body: unknown): Promise<Verdict> {
  const { user, resource, path } = attributes
  if (user.groups.includes(GROUPS.masters) || user.groups.includes(CONTROLLERS)) return ALLOWED
  const node = nodeNameOf(attributes)
  if (resource === '') return path !== undefined && mayUsePath(attributes, node !== undefined, path) ? ALLOWED : DENIED
  if (node === undefined) return DENIED
  const why = await judgeNode({ ...attributes, node, body }, lookups)
  return why === undefined ? ALLOWED : { allowed: false, reason: why }
}

function mayUsePath({ user }: Attributes, isNode: boolean, path: string): boolean {
  const [, root = ''] = path.split('/')
  // `/readyz/etcd` and the like are parts of a health answer.
  if (OPEN_PATHS.has(`/${root}`)) return true
  // Joining proves itself by its token.
  if (path === PATHS.join) return true
  if (path === PATHS.cluster) return user.groups.includes(GROUPS.authenticated)
  return isNode && NODE_PATHS.has(path)
}

/** The node a user is; undefined for everybody else. */
function nodeNameOf({ user }: Attributes): string | undefined {
  if (!user.groups.includes(GROUPS.nodes) || !user.name.startsWith(NODE_USER_PREFIX)) return undefined
  return user.name.slice(NODE_USER_PREFIX.length) || undefined
}
