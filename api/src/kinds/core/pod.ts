/** The Pod: containers that share a network address and volumes, and live and die together on one node. */
import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { podColumns } from './pod/columns.ts'
import { applyPodDefaults } from './pod/defaults.ts'
import { podSpecSchema } from './pod/spec-schema.ts'
import { podStatusSchema } from './pod/status-schema.ts'
import type { Pod } from './pod/types.ts'
import { validatePod } from './pod/validate-spec.ts'
import { validatePodUpdate } from './pod/validate-update.ts'

export { type PodSummary, podSummary } from './pod/columns.ts'
export type * from './pod/container-types.ts'
export { applyPodSpecDefaults } from './pod/defaults.ts'
export { isSidecar, type PodResources, podQosClass, podResourceRequests } from './pod/resources.ts'
export type * from './pod/scheduling-types.ts'
export type * from './pod/security-types.ts'
export { podSpecSchema, podTemplateSchema } from './pod/spec-schema.ts'
export { isMirrorPod, isPodActive, isPodFinished, isPodReady, isStaticPod, podCondition } from './pod/state.ts'
export type * from './pod/types.ts'
export { validatePodResize, withResizedContainers } from './pod/validate-resize.ts'
export { canOvercommit, validateContainerResourceName } from './pod/validate-resources.ts'
export { validatePodSpec } from './pod/validate-spec.ts'
export { validatePodTemplate } from './pod/validate-template.ts'
export { validateEphemeralContainersUpdate } from './pod/validate-update.ts'
export type * from './pod/volume-types.ts'

export const podKind = defineKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  description: 'Containers that run together on one node, sharing its network address and volumes.',
  subresources: ['status', 'log', 'exec', 'attach', 'portforward', 'proxy', 'binding', 'eviction', 'ephemeralcontainers', 'resize'],
  hasGeneration: true,
  schema: () =>
    object('Pod', 'Containers that run together on one node, sharing a network address and volumes.', {
      spec: field(podSpecSchema(), 'What is to run, and how.'),
      status: field(podStatusSchema(), 'What became of it. Written by the node.'),
    }),
  applyDefaults: applyPodDefaults,
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatus: () => [],
  selectableFields: {
    'spec.nodeName': pod => pod.spec.nodeName ?? '',
    'spec.restartPolicy': pod => pod.spec.restartPolicy ?? '',
    'spec.schedulerName': pod => pod.spec.schedulerName ?? '',
    'spec.serviceAccountName': pod => pod.spec.serviceAccountName ?? '',
    'spec.hostNetwork': pod => String(pod.spec.hostNetwork ?? false),
    'status.phase': pod => pod.status?.phase ?? '',
    'status.podIP': pod => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '',
    'status.nominatedNodeName': pod => pod.status?.nominatedNodeName ?? '',
  },
  columns: podColumns,
})
