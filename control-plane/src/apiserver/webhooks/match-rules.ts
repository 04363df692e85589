/** Whether a request is one that a webhook's rules name. Pure. */
import type { RuleWithOperations, Webhook } from '@davit/api'
import type { AdmissionOperation, Form } from './types.ts'

export interface RuledRequest {
  readonly operation: AdmissionOperation
  readonly subresource?: string | undefined
  readonly namespaced: boolean
  readonly forms: readonly [Form, ...Form[]]
}

/** The form in which the request matches: the client's own, or with `Equivalent` the first other one that does. Undefined: none. */
export function matchingForm({ rules = [], matchPolicy }: Pick<Webhook, 'rules' | 'matchPolicy'>, request: RuledRequest): Form | undefined {
  const forms = matchPolicy === 'Exact' ? request.forms.slice(0, 1) : request.forms
  return forms.find(form => rules.some(rule => matches(rule, request, form)))
}

function matches(
  { operations, apiGroups, apiVersions, resources, scope = '*' }: RuleWithOperations,
  { operation, subresource, namespaced }: RuledRequest,
  { kind }: Form,
): boolean {
  return (
    has(operations, operation) &&
    has(apiGroups, kind.group) &&
    has(apiVersions, kind.version) &&
    (scope === '*' || scope === (namespaced ? 'Namespaced' : 'Cluster')) &&
    (resources ?? []).some(each => isResource(each, kind.plural, subresource ?? ''))
  )
}

function has(wanted: readonly string[] | undefined, value: string): boolean {
  return wanted !== undefined && (wanted.includes('*') || wanted.includes(value))
}

// `pods`, `pods/log`, `pods/*`; `*` is all resources without their subresources, and may stand on both sides of the slash.
function isResource(wanted: string, plural: string, subresource: string): boolean {
  const [resource, part = ''] = wanted.split('/')
  return (resource === '*' || resource === plural) && (part === subresource || part === '*')
}
