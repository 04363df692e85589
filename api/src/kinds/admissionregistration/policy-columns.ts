/** What `kubectl get` shows of policies and their bindings, whether they judge or change. */
import type { PrinterColumn } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { formatLabelSelector } from '../../selectors/labels.ts'
import type { ParamRef } from './types.ts'

export const paramKindColumn: PrinterColumn<KubernetesObject & { spec?: { paramKind?: { apiVersion?: string; kind?: string } } }> = {
  name: 'ParamKind',
  type: 'string',
  description: 'Kind of the objects with parameters.',
  value: ({ spec }) => (spec?.paramKind ? `${spec.paramKind.apiVersion ?? ''}/${spec.paramKind.kind ?? ''}` : '<unset>'),
}

export const policyNameColumn: PrinterColumn<KubernetesObject & { spec?: { policyName?: string } }> = {
  name: 'PolicyName',
  type: 'string',
  description: 'The policy.',
  value: ({ spec }) => spec?.policyName ?? '',
}

export const paramRefColumn: PrinterColumn<KubernetesObject & { spec?: { paramRef?: ParamRef } }> = {
  name: 'ParamRef',
  type: 'string',
  description: 'Objects with the parameters.',
  value: ({ spec }) => formatParamRef(spec?.paramRef),
}

/** Whether the object is in a namespace cannot be told from here: `*` may be every one, or none. */
function formatParamRef({ name, namespace, selector }: ParamRef = {}): string {
  if (name) return `${namespace || '*'}/${name}`
  return selector ? formatLabelSelector(selector) : '<unset>'
}
