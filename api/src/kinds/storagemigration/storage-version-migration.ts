import { immutable, invalidIf, invalidValue, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, KubernetesObject } from '../../meta.ts'
import { isDnsSubdomain, isServiceName } from '../../names.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { field, object, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { nameColumn } from '../columns.ts'
import { validateConditions } from '../conditions.ts'

/** https://kubernetes.io/docs/tasks/manage-kubernetes-objects/storage-version-migration/ */
export interface StorageVersionMigration extends KubernetesObject {
  spec: { resource: { group?: string; resource: string } }
  status?: StorageVersionMigrationStatus
}

export interface StorageVersionMigrationStatus {
  conditions?: (Condition & { observedGeneration?: number })[]
  resourceVersion?: string
}

export const storageVersionMigrationKind = defineKind<StorageVersionMigration>({
  group: 'storagemigration.k8s.io',
  version: 'v1',
  kind: 'StorageVersionMigration',
  plural: 'storageversionmigrations',
  namespaced: false,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Asks that all objects of a resource be written anew, in the version in which they are stored now.',
  schema: () =>
    object('StorageVersionMigration', 'Asks that all objects of a resource be written anew.', {
      spec: field(
        object('StorageVersionMigrationSpec', 'Which objects. It cannot be changed.', {
          resource: required(
            field(
              object('GroupResource', 'A resource, by its group and its name.', {
                group: string('The API group; empty for the core group.'),
                resource: required(string('The resource, such as deployments.')),
              }),
              'The resource whose objects are written anew.',
            ),
          ),
        }),
        'Which objects.',
      ),
      status: field(
        object('StorageVersionMigrationStatus', 'How far it has come.', {
          conditions: commonConditionListSchema('Aspects of the migration: Running, Succeeded, Failed.'),
          resourceVersion: string('Objects that were written after this version need not be written again.'),
        }),
        'How far it has come.',
      ),
    }),
  applyDefaults(migration) {
    // The schema says what is missing.
    migration.spec ??= {} as StorageVersionMigration['spec']
    migration.spec.resource ??= {} as StorageVersionMigration['spec']['resource']
    migration.spec.resource.group ??= ''
    migration.status ??= {}
  },
  validate: ({ spec: { resource: asked } }) => validateResource(asked),
  validateUpdate: ({ spec }, { spec: old }) => immutable('spec', spec, old),
  validateStatus,
  columns: [
    nameColumn,
    { name: 'Resource', type: 'string', description: 'The resource whose objects are written anew.', value: formatResource },
  ],
})

function formatResource({ spec: { resource: asked } }: StorageVersionMigration): string {
  return asked.group ? `${asked.resource}.${asked.group}` : asked.resource
}

function validateResource({ group, resource = '' }: StorageVersionMigration['spec']['resource']): FieldError[] {
  const path = 'spec.resource'
  return [
    ...(resource
      ? invalidIf(`${path}.resource`, resource, isServiceName(resource))
      : [requiredValue(`${path}.resource`, 'resource is required to be set')]),
    ...(group ? invalidIf(`${path}.group`, group, isDnsSubdomain(group)) : []),
  ]
}

/** A migration ends in one way, and for good. */
function validateStatus({ status = {} }: StorageVersionMigration, { status: old = {} }: StorageVersionMigration): FieldError[] {
  const { resourceVersion = '', conditions = [] } = status
  const version = 'status.resourceVersion'
  const errors = /^[1-9][0-9]*$/.test(resourceVersion)
    ? []
    : [invalidValue(version, resourceVersion, `resource version is not well formed: ${resourceVersion}`)]
  errors.push(...validateConditions(conditions, 'status.conditions'))
  if (old.resourceVersion) errors.push(...immutable(version, resourceVersion, old.resourceVersion))
  const refuse = (why: string) => errors.push(invalidValue('status.conditions', conditions, why))
  const [succeeded, failed, running] = ['Succeeded', 'Failed', 'Running'].map(type => isTrue(status, type))
  if (succeeded && failed) refuse('Both success and failed conditions cannot be true at the same time')
  if (succeeded && running) refuse('Running condition cannot be true when success condition is true')
  if (failed && running) refuse('Running condition cannot be true when failed condition is true')
  if (isTrue(old, 'Succeeded') && !succeeded) refuse('Success condition cannot be set to false once it is true')
  if (isTrue(old, 'Failed') && !failed) refuse('Failed condition cannot be set to false once it is true')
  return errors
}

function isTrue({ conditions = [] }: StorageVersionMigrationStatus, wanted: string): boolean {
  return conditions.some(({ type, status }) => type === wanted && status === 'True')
}
