/** NoExecute taints on a node that runs pods. */
import assert from 'node:assert/strict'
import { nodeKind, type Taint } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell } from '../context.ts'

const NODE = 'node-2'
const ALL = 'test.davit.dev/'

async function setTaints(context: CaseContext, change: (taints: Taint[]) => Taint[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const node = structuredClone(await context.resource(nodeKind).get({ name: NODE }))
    node.spec = { ...node.spec, taints: change(node.spec?.taints ?? []) }
    try {
      await context.resource(nodeKind).update(node)
      return
    } catch (error) {
      if ((error as { reason?: string }).reason !== 'Conflict' || attempt === 10) throw error
    }
  }
}

/** While `use` runs, the node repels pods; gives when it began to, on the monotonic clock. */
async function withTaint(context: CaseContext, use: (since: number, remove: () => Promise<void>) => Promise<void>): Promise<void> {
  const key = `${ALL}${context.namespace}`
  const remove = () => setTaints(context, taints => taints.filter(taint => taint.key !== key))
  try {
    await setTaints(context, taints => [...taints, { key, value: 'yes', effect: 'NoExecute' }])
    await use(performance.now(), remove)
  } finally {
    await remove()
  }
}

async function startTolerating(context: CaseContext, name: string, tolerationSeconds: number): Promise<void> {
  const toleration = { key: `${ALL}${context.namespace}`, operator: 'Equal', value: 'yes', effect: 'NoExecute' } as const
  await context.start(name, {
    nodeSelector: { 'kubernetes.io/hostname': NODE },
    // The first that matches counts; the second is for the taints of other cases.
    tolerations: [
      { ...toleration, tolerationSeconds },
      { operator: 'Exists', effect: 'NoExecute' },
    ],
    containers: [shell(HEEDS_TERM)],
  })
}

export const cases: readonly Case[] = [
  {
    row: 'NoExecute taint evicts pods at their respective tolerationSeconds',
    alone: true,
    run: async context => {
      await Promise.all([startTolerating(context, 'short', 2), startTolerating(context, 'long', 6)])
      await withTaint(context, async since => {
        const goneAfter = async (name: string) => {
          await context.until(name, 'ending', pod => pod.metadata.deletionTimestamp !== undefined)
          return performance.now() - since
        }
        const [short, long] = await Promise.all([goneAfter('short'), goneAfter('long')])
        assert.ok(short >= 1_900 && short < long - 2_000, `the first went after ${short} ms`)
        assert.ok(long >= 5_900, `the second went after ${long} ms`)
        await context.untilGone('long')
      })
    },
  },
  {
    row: 'Removing the NoExecute taint in time cancels eviction',
    alone: true,
    run: async context => {
      await startTolerating(context, 'stays', 4)
      await withTaint(context, async (_since, remove) => {
        await context.cluster.until(nodeKind, 'the taint', nodes =>
          nodes.some(({ spec }) => spec?.taints?.some(taint => taint.key === `${ALL}${context.namespace}`)),
        )
        await remove()
        // Past the time of the eviction that does not come.
        await assert.rejects(context.until('stays', 'ending', pod => pod.metadata.deletionTimestamp !== undefined, 6_000))
      })
    },
  },
]
