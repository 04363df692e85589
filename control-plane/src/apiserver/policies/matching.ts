/** Whether a request is one that a policy, or its binding, is about. */
import type { MatchResources, NamedRuleWithOperations } from '@davit/api'
import { type ClusterLookups, type Form, isSelected, matchingForm, type Reviewed } from '../webhooks/index.ts'

/** The form in which the request matches; undefined: it does not. A binding without rules is about all that its policy is about. */
export async function matchedForm(resources: MatchResources, request: Reviewed, lookups: ClusterLookups): Promise<Form | undefined> {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy = 'Equivalent' } = resources
  const of = (rules: readonly NamedRuleWithOperations[]) => {
    const named = rules.filter(({ resourceNames = [] }) => resourceNames.length === 0 || resourceNames.includes(request.name))
    return named.length > 0 ? matchingForm({ rules: named, matchPolicy }, request) : undefined
  }
  if (of(excludeResourceRules)) return undefined
  const form = resourceRules.length === 0 ? request.forms[0] : of(resourceRules)
  return form && (await isSelected(resources, request, lookups)) ? form : undefined
}
