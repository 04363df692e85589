/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/flow-schema-v1/ and priority-level-configuration-v1 */
import type { Condition, KubernetesObject } from '../../meta.ts'

export const FLOWCONTROL_GROUP = 'flowcontrol.apiserver.k8s.io'

/** Which requests go to which priority level. */
export interface FlowSchema extends KubernetesObject {
  spec?: FlowSchemaSpec
  status?: { conditions?: Condition[] }
}

export interface FlowSchemaSpec {
  priorityLevelConfiguration?: { name?: string }
  /** The lowest that matches a request takes it. */
  matchingPrecedence?: number
  distinguisherMethod?: { type?: string }
  rules?: PolicyRulesWithSubjects[]
}

export interface PolicyRulesWithSubjects {
  subjects?: FlowSubject[]
  resourceRules?: ResourcePolicyRule[]
  nonResourceRules?: NonResourcePolicyRule[]
}

export interface FlowSubject {
  kind?: string
  user?: { name?: string }
  group?: { name?: string }
  serviceAccount?: { namespace?: string; name?: string }
}

export interface ResourcePolicyRule {
  verbs?: string[]
  apiGroups?: string[]
  resources?: string[]
  clusterScope?: boolean
  namespaces?: string[]
}

export interface NonResourcePolicyRule {
  verbs?: string[]
  nonResourceURLs?: string[]
}

/** How many requests of a level are served at once, and what becomes of those above. */
export interface PriorityLevelConfiguration extends KubernetesObject {
  spec?: PriorityLevelConfigurationSpec
  status?: { conditions?: Condition[] }
}

export interface PriorityLevelConfigurationSpec {
  type?: string
  limited?: LimitedPriorityLevel
  exempt?: { nominalConcurrencyShares?: number; lendablePercent?: number }
}

export interface LimitedPriorityLevel {
  nominalConcurrencyShares?: number
  limitResponse?: { type?: string; queuing?: Queuing }
  lendablePercent?: number
  borrowingLimitPercent?: number
}

export interface Queuing {
  queues?: number
  handSize?: number
  queueLengthLimit?: number
}
