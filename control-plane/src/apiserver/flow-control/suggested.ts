/** The levels and schemas that Kubernetes suggests: every cluster begins with them, and people may change them. */
import {
  type FlowSchema,
  type FlowSubject,
  GROUPS,
  NAMESPACES,
  type NonResourcePolicyRule,
  type PolicyRulesWithSubjects,
  type PriorityLevelConfiguration,
  type Queuing,
  type ResourcePolicyRule,
} from '@davit/api'
import { CONTROLLERS } from '@davit/api/pki'

const TYPE = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1' }
const ANNOTATIONS = { 'apf.kubernetes.io/autoupdate-spec': 'true' }

function level(name: string, nominalConcurrencyShares: number, lendablePercent: number, queuing: Queuing): PriorityLevelConfiguration {
  const limitResponse = { type: 'Queue', queuing: { queueLengthLimit: 50, ...queuing } }
  return {
    ...TYPE,
    kind: 'PriorityLevelConfiguration',
    metadata: { name, annotations: ANNOTATIONS },
    spec: { type: 'Limited', limited: { nominalConcurrencyShares, lendablePercent, limitResponse } },
  }
}

export const SUGGESTED_PRIORITY_LEVELS: readonly PriorityLevelConfiguration[] = [
  level('system', 30, 33, { queues: 64, handSize: 6 }),
  level('node-high', 40, 25, { queues: 64, handSize: 6 }),
  level('leader-election', 10, 0, { queues: 16, handSize: 4 }),
  level('workload-high', 40, 50, { queues: 128, handSize: 6 }),
  level('workload-low', 100, 90, { queues: 128, handSize: 6 }),
  level('global-default', 20, 50, { queues: 128, handSize: 6 }),
]

const users = (...names: string[]): FlowSubject[] => names.map(name => ({ kind: 'User', user: { name } }))
const groups = (...names: string[]): FlowSubject[] => names.map(name => ({ kind: 'Group', group: { name } }))
const systemAccounts = (...names: string[]): FlowSubject[] =>
  names.map(name => ({ kind: 'ServiceAccount', serviceAccount: { namespace: NAMESPACES.system, name } }))

const resources = (verbs: string[], apiGroup: string, names: string[], clusterScope = false): ResourcePolicyRule => ({
  verbs,
  apiGroups: [apiGroup],
  resources: names,
  namespaces: ['*'],
  ...(clusterScope && { clusterScope }),
})
const paths = (verb: string, ...nonResourceURLs: string[]): NonResourcePolicyRule => ({ verbs: [verb], nonResourceURLs })
const everythingOf = (subjects: FlowSubject[]): PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [resources(['*'], '*', ['*'], true)],
  nonResourceRules: [paths('*', '*')],
})

interface SchemaOptions {
  readonly to: string
  readonly precedence: number
  readonly by?: 'ByUser' | 'ByNamespace'
  readonly rule: PolicyRulesWithSubjects
}

function schema(name: string, { to, precedence, by, rule }: SchemaOptions): FlowSchema {
  return {
    ...TYPE,
    kind: 'FlowSchema',
    metadata: { name, annotations: ANNOTATIONS },
    spec: {
      priorityLevelConfiguration: { name: to },
      matchingPrecedence: precedence,
      ...(by && { distinguisherMethod: { type: by } }),
      rules: [rule],
    },
  }
}

const MANAGER = 'system:kube-controller-manager'
const SCHEDULER = 'system:kube-scheduler'
const LEASES = 'coordination.k8s.io'
/** What a leader election does. */
const ELECTION = ['get', 'create', 'update']

export const SUGGESTED_FLOW_SCHEMAS: readonly FlowSchema[] = [
  schema('probes', {
    to: 'exempt',
    precedence: 2,
    rule: {
      subjects: groups(GROUPS.unauthenticated, GROUPS.authenticated),
      nonResourceRules: [paths('get', '/healthz', '/readyz', '/livez')],
    },
  }),
  schema('system-leader-election', {
    to: 'leader-election',
    precedence: 100,
    by: 'ByUser',
    // Davit's controllers and scheduler are one user.
    rule: {
      subjects: [...users(MANAGER, SCHEDULER, CONTROLLERS), ...systemAccounts('*')],
      resourceRules: [resources(ELECTION, LEASES, ['leases'])],
    },
  }),
  schema('endpoint-controller', {
    to: 'workload-high',
    precedence: 150,
    by: 'ByUser',
    rule: {
      subjects: [...users(MANAGER), ...systemAccounts('endpoint-controller', 'endpointslicemirroring-controller')],
      resourceRules: [resources(ELECTION, '', ['endpoints'])],
    },
  }),
  schema('workload-leader-election', {
    to: 'leader-election',
    precedence: 200,
    by: 'ByUser',
    rule: {
      subjects: systemAccounts('*'),
      resourceRules: [resources(ELECTION, '', ['endpoints', 'configmaps']), resources(ELECTION, LEASES, ['leases'])],
    },
  }),
  schema('system-node-high', {
    to: 'node-high',
    precedence: 400,
    by: 'ByUser',
    rule: {
      subjects: groups(GROUPS.nodes),
      resourceRules: [resources(['*'], '', ['nodes', 'nodes/status'], true), resources(['*'], LEASES, ['leases'])],
    },
  }),
  schema('system-nodes', { to: 'system', precedence: 500, by: 'ByUser', rule: everythingOf(groups(GROUPS.nodes)) }),
  schema('kube-controller-manager', {
    to: 'workload-high',
    precedence: 800,
    by: 'ByUser',
    rule: everythingOf(users(MANAGER, CONTROLLERS)),
  }),
  schema('kube-scheduler', { to: 'workload-high', precedence: 800, by: 'ByUser', rule: everythingOf(users(SCHEDULER)) }),
  schema('kube-system-service-accounts', {
    to: 'workload-high',
    precedence: 900,
    by: 'ByNamespace',
    rule: everythingOf(systemAccounts('*')),
  }),
  schema('service-accounts', { to: 'workload-low', precedence: 9000, by: 'ByUser', rule: everythingOf(groups(GROUPS.serviceAccounts)) }),
  schema('global-default', {
    to: 'global-default',
    precedence: 9900,
    by: 'ByUser',
    rule: everythingOf(groups(GROUPS.unauthenticated, GROUPS.authenticated)),
  }),
]
