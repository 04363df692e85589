/** The nodes a cluster has. */
import { nodeKind } from '@davit/api'
import type { Case } from '../case.ts'

export const cases: readonly Case[] = [
  {
    row: 'The cluster has at least two schedulable untainted nodes',
    run: async ({ cluster }) => {
      // Other cases taint a node for a moment.
      await cluster.until(nodeKind, 'two nodes that any pod may be placed on', nodes => {
        const open = nodes.filter(
          ({ spec, status }) =>
            !spec?.unschedulable &&
            !spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') &&
            status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
        )
        return open.length >= 2
      })
    },
  },
]
