/** Kinds that are spoken and never stored: what the subresources `scale`, `binding` and `eviction` take. */
import { decodeObject, defineKind, type Kind, type KubernetesObject } from '@davit/api'
import { z } from 'zod'
import { reportUnknown, strictly } from './decode.ts'
import type { RequestContext } from './types.ts'

/** autoscaling/v1. */
export interface Scale extends KubernetesObject {
  apiVersion: 'autoscaling/v1'
  kind: 'Scale'
  spec: { replicas?: number }
  status: { replicas: number; selector?: string }
}

export interface Binding extends KubernetesObject {
  target?: { kind?: string; name?: string }
}

/** policy/v1. */
export interface Eviction extends KubernetesObject {
  deleteOptions?: {
    gracePeriodSeconds?: number
    propagationPolicy?: string
    orphanDependents?: boolean
    preconditions?: { uid?: string; resourceVersion?: string }
    dryRun?: string[]
  }
}

const text = () => z.string().optional()
const int32 = () => z.int32().optional().meta({ format: 'int32' })
const int64 = () => z.int().optional().meta({ format: 'int64' })
const part = (component: string, shape: z.ZodRawShape) => z.object(shape).meta({ component }).optional()
const common = { namespaced: true, columns: [], hasGeneration: false }

export const scaleKind = defineKind<Scale>({
  ...common,
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  description: 'How many replicas a workload has and is to have.',
  schema: () =>
    z.object({ spec: part('ScaleSpec', { replicas: int32() }), status: part('ScaleStatus', { replicas: int32(), selector: text() }) }),
})

export const bindingKind = defineKind<Binding>({
  ...common,
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  description: 'The node a pod is to run on.',
  schema: () =>
    z.object({
      target: part('ObjectReference', {
        apiVersion: text(),
        kind: text(),
        namespace: text(),
        name: text(),
        uid: text(),
        resourceVersion: text(),
        fieldPath: text(),
      }),
    }),
})

export const evictionKind = defineKind<Eviction>({
  ...common,
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  description: 'Asks a pod to leave its node.',
  schema: () =>
    z.object({
      deleteOptions: part('DeleteOptions', {
        apiVersion: text(),
        kind: text(),
        gracePeriodSeconds: int64(),
        propagationPolicy: text(),
        orphanDependents: z.boolean().optional(),
        preconditions: part('Preconditions', { uid: text(), resourceVersion: text() }),
        dryRun: z.array(z.string()).optional(),
        ignoreStoreReadErrorWithClusterBreakingPotential: z.boolean().optional(),
      }),
    }),
})

/** An object of a spoken kind from a request's body. Throws BadRequest. */
export function decodeSpoken<T extends KubernetesObject>(kind: Kind<T>, body: unknown, context: RequestContext): T {
  const { object, unknownFields } = decodeObject(kind, body)
  reportUnknown(unknownFields, context, strictly(kind))
  return object
}
