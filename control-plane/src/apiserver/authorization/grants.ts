/**
 * Who may make and change roles and bindings: those who hold every right that is given by it, or were given the verb `escalate` (roles)
 * or `bind` (bindings). Otherwise whoever may write bindings would be almighty.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  apiError,
  type ClusterRole,
  forbidden,
  type Kind,
  type KubernetesObject,
  type PolicyRule,
  RBAC_GROUP,
  type RoleBinding,
} from '@davit/api'
import { countRights, formatList, formatRule, missingRulesSlowly, notThere, RIGHTS_MAX, type RoleIndex } from '../rbac/index.ts'
import type { AccessGuard, User } from '../registry/index.ts'
import type { Authorizer } from './types.ts'

export interface GrantParts {
  readonly authorizer: Pick<Authorizer, 'authorize'>
  readonly roles: Pick<RoleIndex, 'rulesOf' | 'rulesOfRole'>
}

interface Change {
  readonly user: User
  readonly kind: Kind
  readonly object: KubernetesObject
  readonly old: KubernetesObject | undefined
}

/** `parts` is asked on each write: they come to be after what they guard. */
export function createAccessGuard(parts: () => GrantParts): AccessGuard {
  return {
    async mayGrant({ context: { user }, kind, object, old }) {
      // The garbage collector's marks are no grant.
      if (old && isDeepStrictEqual(withoutOwnership(object), withoutOwnership(old))) return
      const change = { user, kind, object, old }
      await (isBinding(object) ? mayBind(parts(), change, object) : mayWriteRole(parts(), change, object))
    },
    async maySign(user, verb, signerName) {
      const { authorizer } = parts()
      const [domain = ''] = signerName.split('/')
      // By its own name, or all of its domain.
      for (const name of [signerName, `${domain}/*`]) {
        const question = { user, verb, group: 'certificates.k8s.io', resource: 'signers', name }
        if ((await authorizer.authorize(question)).allowed) return true
      }
      return false
    },
    async may(user, question) {
      return (await parts().authorizer.authorize({ user, ...question })).allowed
    },
  }
}

function isBinding(object: KubernetesObject): object is RoleBinding {
  return object.kind === 'RoleBinding' || object.kind === 'ClusterRoleBinding'
}

async function mayBind({ authorizer, roles }: GrantParts, { user, kind, object }: Change, { roleRef }: RoleBinding): Promise<void> {
  const { namespace } = object.metadata
  // A body that names no role is for validation to refuse.
  const { kind: roleKind = '', name = '' } = roleRef ?? {}
  const resource = roleKind === 'Role' ? 'roles' : 'clusterroles'
  const question = { user, verb: 'bind', group: RBAC_GROUP, resource, name, ...(namespace && { namespace }) }
  if ((await authorizer.authorize(question)).allowed) return
  const rules = roles.rulesOfRole({ kind: roleKind, name }, namespace)
  if (!rules) throw apiError('NotFound', notThere({ kind: roleKind, name }), { name, group: RBAC_GROUP, kind: resource })
  await mustHold(roles, { user, kind, object, old: undefined }, rules)
}

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

async function mayWriteRole({ authorizer, roles }: GrantParts, change: Change, role: ClusterRole): Promise<void> {
  const { user, kind, old } = change
  const { name, namespace } = role.metadata
  const question = {
    user,
    verb: 'escalate',
    group: RBAC_GROUP,
    resource: kind.plural,
    ...(old && name && { name }),
    ...(namespace && { namespace }),
  }
  if ((await authorizer.authorize(question)).allowed) return
  await mustHold(roles, change, role.rules ?? [])
  // What gathers its rules may come to gather anything, and would keep the rules it has from being made fewer.
  if (role.aggregationRule || (old as ClusterRole | undefined)?.aggregationRule) await mustHold(roles, change, EVERYTHING)
}

/** Throws Forbidden with the rights that are lacking. */
async function mustHold(roles: GrantParts['roles'], { user, kind, object }: Change, wanted: readonly PolicyRule[]): Promise<void> {
  const { name = '', namespace } = object.metadata
  const refuse = (why: string) => forbidden(kind, name, `user ${JSON.stringify(user.name)} (groups=${formatList(user.groups)}) ${why}`)
  if (countRights(wanted) > RIGHTS_MAX) throw refuse(`is attempting to grant more than ${RIGHTS_MAX} RBAC permissions at once`)
  const { rules, errors } = roles.rulesOf(user, namespace)
  const missing = await missingRulesSlowly(rules, wanted)
  if (missing.length === 0) return
  const lines = [...new Set(missing.map(formatRule))].sort()
  const unresolved = errors.length > 0 ? `; resolution errors: ${formatErrors(errors)}` : ''
  throw refuse(`is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${unresolved}`)
}

function formatErrors(errors: readonly string[]): string {
  return `[${[...new Set(errors)].join(', ')}]`
}

function withoutOwnership({ metadata, ...rest }: KubernetesObject): object {
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...others } = metadata
  return { ...rest, metadata: others }
}
