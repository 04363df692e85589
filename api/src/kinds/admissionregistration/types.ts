/** https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/ and policy-resources/ */
import type { Condition, KubernetesObject, LabelSelector } from '../../meta.ts'

export const ADMISSION_GROUP = 'admissionregistration.k8s.io'

/** Which requests a webhook or a policy is asked about. */
export interface RuleWithOperations {
  operations?: string[]
  apiGroups?: string[]
  apiVersions?: string[]
  /** Such as `pods` and `pods/log`; `*` stands for all of either. */
  resources?: string[]
  scope?: string
}

export interface NamedRuleWithOperations extends RuleWithOperations {
  resourceNames?: string[]
}

export interface MatchCondition {
  name?: string
  expression?: string
}

export interface WebhookClientConfig {
  url?: string
  service?: { namespace?: string; name?: string; path?: string; port?: number }
  caBundle?: string
}

export interface Webhook {
  name?: string
  clientConfig?: WebhookClientConfig
  rules?: RuleWithOperations[]
  failurePolicy?: string
  matchPolicy?: string
  namespaceSelector?: LabelSelector
  objectSelector?: LabelSelector
  sideEffects?: string
  timeoutSeconds?: number
  admissionReviewVersions?: string[]
  matchConditions?: MatchCondition[]
}

export interface MutatingWebhook extends Webhook {
  reinvocationPolicy?: string
}

export interface MutatingWebhookConfiguration extends KubernetesObject {
  webhooks?: MutatingWebhook[]
}

export interface ValidatingWebhookConfiguration extends KubernetesObject {
  webhooks?: Webhook[]
}

export interface ValidatingAdmissionPolicy extends KubernetesObject {
  spec?: ValidatingAdmissionPolicySpec
  status?: {
    observedGeneration?: number
    typeChecking?: { expressionWarnings?: { fieldRef?: string; warning?: string }[] }
    conditions?: (Condition & { observedGeneration?: number })[]
  }
}

export interface ValidatingAdmissionPolicySpec {
  paramKind?: { apiVersion?: string; kind?: string }
  matchConstraints?: MatchResources
  validations?: Validation[]
  failurePolicy?: string
  auditAnnotations?: { key?: string; valueExpression?: string }[]
  matchConditions?: MatchCondition[]
  variables?: { name?: string; expression?: string }[]
}

export interface Validation {
  expression?: string
  message?: string
  reason?: string
  messageExpression?: string
}

export interface MatchResources {
  namespaceSelector?: LabelSelector
  objectSelector?: LabelSelector
  resourceRules?: NamedRuleWithOperations[]
  excludeResourceRules?: NamedRuleWithOperations[]
  matchPolicy?: string
}

export interface ValidatingAdmissionPolicyBinding extends KubernetesObject {
  spec?: {
    policyName?: string
    paramRef?: ParamRef
    matchResources?: MatchResources
    validationActions?: string[]
  }
}

/** Changes objects where a MutatingAdmissionPolicyBinding says so. */
export interface MutatingAdmissionPolicy extends KubernetesObject {
  spec?: MutatingAdmissionPolicySpec
}

export interface MutatingAdmissionPolicySpec {
  paramKind?: { apiVersion?: string; kind?: string }
  matchConstraints?: MatchResources
  variables?: { name?: string; expression?: string }[]
  mutations?: Mutation[]
  failurePolicy?: string
  matchConditions?: MatchCondition[]
  reinvocationPolicy?: string
}

/** One change, by one expression: which of the two `patchType` says. */
export interface Mutation {
  patchType?: string
  applyConfiguration?: { expression?: string }
  jsonPatch?: { expression?: string }
}

export interface MutatingAdmissionPolicyBinding extends KubernetesObject {
  spec?: {
    policyName?: string
    paramRef?: ParamRef
    matchResources?: MatchResources
  }
}

export interface ParamRef {
  name?: string
  namespace?: string
  selector?: LabelSelector
  parameterNotFoundAction?: string
}
