import { immutable } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { field, object, required } from '../../schema/fields.ts'
import { objectMetaSchema } from '../../schema/object-meta.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { applyClaimDefaults, resourceClaimSpecSchema } from './resource-claim.ts'
import type { ResourceClaimTemplate } from './types.ts'
import { validateClaimSpec } from './validate.ts'

export const resourceClaimTemplateKind = defineKind<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  namespaced: true,
  hasGeneration: false,
  description: 'What ResourceClaims of pods are made from. Kept for drivers.',
  schema: () =>
    object('ResourceClaimTemplate', 'What ResourceClaims are made from.', {
      spec: required(
        field(
          object('ResourceClaimTemplateSpec', 'What the claims are to be. Cannot be changed.', {
            metadata: field(objectMetaSchema(), 'Labels and annotations of the claims.'),
            spec: required(field(resourceClaimSpecSchema(), 'The devices that are wanted.')),
          }),
          'What the claims are to be. Cannot be changed.',
        ),
      ),
    }),
  applyDefaults: ({ spec }) => applyClaimDefaults(spec?.spec),
  validate: ({ spec }) => validateClaimSpec(spec?.spec ?? {}, 'spec.spec'),
  validateUpdate: ({ spec }, old) => immutable('spec', spec, old.spec),
  columns: [nameColumn, ageColumn],
})
