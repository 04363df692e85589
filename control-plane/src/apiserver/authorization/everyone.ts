/** What everybody may do who is somebody, as Kubernetes' default roles give it: look at what there is, and ask about themselves. */
import { GROUPS, type NonResourceRule, PATHS, type ResourceRule } from '@davit/api'
import type { User } from '../registry/index.ts'
import type { Attributes } from './types.ts'

/** Rights of a group, in the form in which `SelfSubjectRulesReview` shows them. */
export interface Grant {
  readonly group: string
  readonly resources: readonly ResourceRule[]
  readonly paths: readonly NonResourceRule[]
}

const OPEN_PATHS = ['/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*', '/version', '/version/']
const DISCOVERY_PATHS = ['/', '/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']

const GRANTS: readonly Grant[] = [
  {
    group: GROUPS.authenticated,
    resources: [
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
      { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
    ],
    paths: [{ verbs: ['get', 'head'], nonResourceURLs: [...OPEN_PATHS, ...DISCOVERY_PATHS] }],
  },
  { group: GROUPS.unauthenticated, resources: [], paths: [{ verbs: ['get', 'head'], nonResourceURLs: OPEN_PATHS }] },
  {
    group: GROUPS.serviceAccounts,
    resources: [],
    paths: [{ verbs: ['get', 'head'], nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks', '/openid/v1/jwks/'] }],
  },
]

/** The grants of a user's groups. */
export function grantsOf({ groups }: User): Grant[] {
  return GRANTS.filter(({ group }) => groups.includes(group))
}

/** Whether some group of the user gives it. */
export function isGranted({ user, verb, group, resource, subresource, path }: Attributes): boolean {
  // Joining proves itself by its token.
  if (path === PATHS.join) return true
  const what = subresource ? `${resource}/${subresource}` : resource
  return grantsOf(user).some(({ resources, paths }) =>
    path === undefined
      ? resources.some(rule => rule.verbs.includes(verb) && rule.apiGroups?.includes(group) && rule.resources?.includes(what))
      : paths.some(rule => rule.verbs.includes(verb) && rule.nonResourceURLs?.some(pattern => covers(pattern, path))),
  )
}

function covers(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}
