/** The nodes a cluster has. */
import { isNodeReady, nodeKind } from '@davit/api'
import type { Case } from '../case.ts'

export const cases: readonly Case[] = [
  {
    row: 'The cluster has at least two schedulable untainted nodes',
    run: async ({ cluster }) => {
      // Other cases taint a node for a moment.
      await cluster.until(nodeKind, 'two nodes that any pod may be placed on', nodes => {
        const open = nodes.filter(
          node => !node.spec?.unschedulable && !node.spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') && isNodeReady(node),
        )
        return open.length >= 2
      })
    },
  },
]
