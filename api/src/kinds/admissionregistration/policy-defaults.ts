/** Defaults of policies and their bindings, whether they judge or change. */
import { applyRuleDefaults } from './rule-rules.ts'
import type { MatchResources, MutatingAdmissionPolicy, ValidatingAdmissionPolicy } from './types.ts'

export function applyPolicyDefaults(policy: ValidatingAdmissionPolicy): void {
  policy.spec ??= {}
  policy.status ??= {}
  policy.spec.failurePolicy ??= 'Fail'
  applyMatchDefaults(policy.spec.matchConstraints)
}

export function applyMutatingPolicyDefaults(policy: MutatingAdmissionPolicy): void {
  policy.spec ??= {}
  policy.spec.failurePolicy ??= 'Fail'
  applyMatchDefaults(policy.spec.matchConstraints)
}

export function applyBindingDefaults(binding: { spec?: { matchResources?: MatchResources } }): void {
  binding.spec ??= {}
  applyMatchDefaults(binding.spec.matchResources)
}

function applyMatchDefaults(resources: MatchResources | undefined): void {
  if (!resources) return
  resources.matchPolicy ??= 'Equivalent'
  resources.namespaceSelector ??= {}
  resources.objectSelector ??= {}
  applyRuleDefaults(resources.resourceRules)
  applyRuleDefaults(resources.excludeResourceRules)
}
