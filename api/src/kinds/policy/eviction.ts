import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { deleteOptionsSchema } from '../../schema/delete-options.ts'
import { field, object } from '../../schema/fields.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/eviction-v1/ */
export interface Eviction extends KubernetesObject {
  deleteOptions?: {
    gracePeriodSeconds?: number
    propagationPolicy?: string
    orphanDependents?: boolean
    preconditions?: { uid?: string; resourceVersion?: string }
    dryRun?: string[]
  }
}

/** What the subresource `eviction` of a pod takes; never stored. */
export const evictionKind = defineKind<Eviction>({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  namespaced: true,
  columns: [],
  hasGeneration: false,
  description: 'Asks a pod to leave its node.',
  schema: () =>
    object('Eviction', 'Asks a pod to leave its node.', { deleteOptions: field(deleteOptionsSchema(), 'How it is to be deleted.') }),
})
