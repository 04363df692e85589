import { familyOf, validateCanonicalRange } from '../../addresses.ts'
import { immutable, invalidValue, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, KubernetesObject } from '../../meta.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { field, object, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/service-cidr-v1/ */
export interface ServiceCidr extends KubernetesObject {
  spec?: { cidrs?: string[] }
  status?: { conditions?: (Condition & { observedGeneration?: number })[] }
}

export const serviceCidrKind = defineKind<ServiceCidr>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Ranges from which Services get their addresses.',
  schema: () =>
    object('ServiceCIDR', 'Ranges from which Services get their addresses.', {
      spec: field(
        object('ServiceCIDRSpec', 'The ranges.', {
          cidrs: strings('One range, or one of each family. A second may be added; those there are stay.'),
        }),
        'The ranges.',
      ),
      status: field(
        object('ServiceCIDRStatus', 'Whether the ranges are in use.', {
          conditions: commonConditionListSchema('Aspects of the ranges: Ready.'),
        }),
        'Whether the ranges are in use.',
      ),
    }),
  applyDefaults(range) {
    range.spec ??= {}
    range.status ??= {}
  },
  validate: ({ spec }) => validateRanges(spec?.cidrs ?? []),
  validateUpdate: ({ spec }, { spec: old }) => validateRangesUpdate(spec?.cidrs ?? [], old?.cidrs ?? []),
  columns: [
    nameColumn,
    { name: 'CIDRs', type: 'string', description: 'The ranges.', value: ({ spec }) => (spec?.cidrs ?? []).join(',') },
    ageColumn,
  ],
})

function validateRanges(ranges: readonly string[]): FieldError[] {
  const path = 'spec.cidrs'
  if (ranges.length === 0) return [requiredValue(path, 'at least one CIDR required')]
  if (ranges.length > 2) return [invalidValue(path, { cidrs: ranges }, 'may only hold up to 2 values')]
  const errors = ranges.flatMap((range, i) => validateCanonicalRange(`${path}[${i}]`, range))
  const [first, second] = ranges.map(range => familyOf(range.split('/')[0] ?? ''))
  if (ranges.length === 2 && first === second && first !== undefined) {
    const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
    errors.push(invalidValue(path, ranges, why))
  }
  return errors
}

/** A cluster may go over to both families, and never back. */
function validateRangesUpdate(ranges: readonly string[], old: readonly string[]): FieldError[] {
  if (ranges.length === old.length) return ranges.flatMap((range, i) => immutable(`spec.cidrs[${i}]`, range, old[i]))
  if (old.length === 1 && ranges.length === 2) return immutable('spec.cidrs[0]', ranges[0], old[0])
  return immutable('spec.cidrs', ranges, old)
}
