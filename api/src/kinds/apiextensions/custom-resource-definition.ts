import { defineKind } from '../../kind.ts'
import { createdAtColumn, nameColumn } from '../columns.ts'
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from './definition-rules.ts'
import { definitionSchema } from './schema.ts'
import { readSchema, unknownKeywords } from './structural/json-schema.ts'
import type { CustomResourceDefinition } from './types.ts'

/** On a definition that is being deleted: its objects go first. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io'

export const customResourceDefinitionKind = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
  subresources: ['status'],
  description: 'A kind of objects that users define, with its names, versions and schemas.',
  schema: definitionSchema,
  applyDefaults: applyDefinitionDefaults,
  unknownFields: unknownInSchemas,
  validate: validateDefinition,
  validateUpdate: validateDefinitionUpdate,
  validateStatus: validateDefinitionStatus,
  columns: [nameColumn, createdAtColumn],
})

function unknownInSchemas({ spec }: CustomResourceDefinition): string[] {
  return (spec?.versions ?? []).flatMap(({ schema }, i) =>
    unknownKeywords(schema?.openAPIV3Schema, `spec.versions[${i}].schema.openAPIV3Schema`),
  )
}

function applyDefinitionDefaults({ spec }: CustomResourceDefinition): void {
  if (!spec) return
  const { names } = spec
  if (names?.kind) {
    names.singular ??= names.kind.toLowerCase()
    names.listKind ??= `${names.kind}List`
  }
  for (const version of spec.versions ?? []) {
    if (!version.schema?.openAPIV3Schema) continue
    const { schema, wrong, listedItems } = readSchema(version.schema.openAPIV3Schema, '')
    // Keywords that nobody knows are dropped; what is wrong is for the rules to tell.
    if (wrong.length + listedItems.length === 0) version.schema.openAPIV3Schema = schema
  }
  spec.conversion ??= { strategy: 'None' }
  spec.conversion.strategy ||= 'None'
  const service = spec.conversion.webhook?.clientConfig?.service
  if (service) service.port ??= 443
}
