import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { boolean, list, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { type ObjectReference, objectReferenceSchema } from './object-reference.ts'
import { localObjectReference } from './pod/reference-schema.ts'
import type { LocalObjectReference } from './pod/volume-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/service-account-v1/ */
export interface ServiceAccount extends KubernetesObject {
  secrets?: ObjectReference[]
  imagePullSecrets?: LocalObjectReference[]
  automountServiceAccountToken?: boolean
}

export const serviceAccountKind = defineKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  subresources: ['token'],
  description: 'Who the processes in a pod are when they talk to the API.',
  schema: () =>
    object('ServiceAccount', 'Who the processes in a pod are.', {
      secrets: list(objectReferenceSchema(), 'Secrets in the same namespace that pods of this account may use.', { mergeKey: 'name' }),
      imagePullSecrets: list(localObjectReference(), 'Secrets with which images of pods of this account are pulled.'),
      automountServiceAccountToken: boolean('Whether pods of this account get its token; a pod can overrule it.'),
    }),
  columns: [
    nameColumn,
    { name: 'Secrets', type: 'string', description: 'How many Secrets it lists.', value: account => String(account.secrets?.length ?? 0) },
    ageColumn,
  ],
})
