/** What every cluster has, and nobody may change: requests of the masters are never held back, and every request has a level. */
import { apiVersionOf } from '../../kind.ts'
import { GROUPS } from '../../well-known.ts'
import { FLOWCONTROL_GROUP, type FlowSchema, type PolicyRulesWithSubjects, type PriorityLevelConfiguration } from './types.ts'

const TYPE = { apiVersion: apiVersionOf({ group: FLOWCONTROL_GROUP, version: 'v1' }) }
/** As Kubernetes marks what it keeps up to date by itself. */
const ANNOTATIONS = { 'apf.kubernetes.io/autoupdate-spec': 'true' }

export const MANDATORY_FLOW_SCHEMAS: readonly FlowSchema[] = [
  {
    ...TYPE,
    kind: 'FlowSchema',
    metadata: { name: 'exempt', annotations: ANNOTATIONS },
    spec: { matchingPrecedence: 1, priorityLevelConfiguration: { name: 'exempt' }, rules: [everythingOf(GROUPS.masters)] },
  },
  {
    ...TYPE,
    kind: 'FlowSchema',
    metadata: { name: 'catch-all', annotations: ANNOTATIONS },
    spec: {
      matchingPrecedence: 10_000,
      priorityLevelConfiguration: { name: 'catch-all' },
      distinguisherMethod: { type: 'ByUser' },
      rules: [everythingOf('system:unauthenticated', 'system:authenticated')],
    },
  },
]

export const MANDATORY_PRIORITY_LEVELS: readonly PriorityLevelConfiguration[] = [
  {
    ...TYPE,
    kind: 'PriorityLevelConfiguration',
    metadata: { name: 'exempt', annotations: ANNOTATIONS },
    spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  },
  {
    ...TYPE,
    kind: 'PriorityLevelConfiguration',
    metadata: { name: 'catch-all', annotations: ANNOTATIONS },
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } } },
  },
]

function everythingOf(...groups: string[]): PolicyRulesWithSubjects {
  return {
    subjects: groups.map(name => ({ kind: 'Group', group: { name } })),
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  }
}
