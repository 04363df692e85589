/** The Pod: containers that share a network address and volumes, and live and die together on one node. */
import { z } from 'zod'
import { defineKind } from '../../kind.ts'
import type { Pod } from './pod/types.ts'

export type * from './pod/container-types.ts'
export type * from './pod/scheduling-types.ts'
export type * from './pod/security-types.ts'
export { isPodActive, isPodFinished, isPodReady, podCondition } from './pod/state.ts'
export type * from './pod/types.ts'
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
  subresources: ['status', 'log', 'exec', 'attach', 'portforward', 'binding', 'eviction', 'ephemeralcontainers'],
  hasGeneration: false,
  schema: () => z.object({}),
  columns: [],
})
