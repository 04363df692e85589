import { apiError, type FieldError, invalid, type Node } from '@davit/api'
import type { Pool } from '../allocation/pool.ts'
import type { AdmissionRule } from './rule.ts'
import { release, take } from './taking.ts'

/** Every node has an address range for its pods, for as long as its Node exists. */
export function nodePodCidr(pool: Pool): AdmissionRule {
  return {
    resources: ['nodes'],
    async allocate({ object, old, kind, context }, extra) {
      if (old) return
      const node = object as Node
      const asked = node.spec?.podCIDR
      const value = asked ? asked.replace('/', '-') : await pool.reserve(context.signal)
      if (value === undefined) throw apiError('InternalError', 'Cannot give the node a pod address range: all are in use')
      const refuse = (detail: string) => {
        const error: FieldError = { type: 'Invalid', field: 'spec.podCIDR', value: asked, detail }
        return invalid(kind, node.metadata.name ?? '', [error])
      }
      // A range of another size would overlap those of other nodes, whose pods it would cut off.
      if (asked && !pool.has(value)) throw refuse("provided range is not one of those that the cluster's pod range is divided into")
      if (asked && (await pool.ownerOf(value, context.signal))) throw refuse('provided range is already allocated')
      take(pool, value, node, extra)
      const podCIDR = value.replace('-', '/')
      node.spec = { ...node.spec, podCIDR, podCIDRs: [podCIDR] }
    },
    async release(object, extra, signal) {
      const { spec } = object as Node
      if (spec?.podCIDR) await release(pool, spec.podCIDR.replace('/', '-'), object, extra, signal)
    },
  }
}
