/** Objects that bound what others may have: quotas, ranges, budgets and priorities. */
import assert from 'node:assert/strict'
import type { KubernetesObject } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import {
  assertCollectionDelete,
  assertStatus,
  assertWholeLife,
  condition,
  type KindLife,
  kindLife,
  untilNames,
  updateMetadata,
} from './kind-life.ts'

type WithSpec = KubernetesObject & { spec: Record<string, unknown> }

const quotas = (context: ApiContext) => kindLife(context, '/ResourceQuota', () => ({ spec: { hard: { cpu: '1', memory: '500Mi' } } }))
const ranges = (context: ApiContext) =>
  kindLife(context, '/LimitRange', () => ({ spec: { limits: [{ type: 'Container', max: { cpu: '500m' } }] } }))
const budgets = (context: ApiContext) =>
  kindLife(context, 'policy/PodDisruptionBudget', () => ({ spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } } }))

/** Objects of two namespaces are listed together; a patch of `spec` holds; a collection goes from one namespace and not from the other. */
async function assertAcrossNamespaces(life: KindLife, patch: object, patched: object): Promise<void> {
  const { context, resource, labelSelector, target } = life
  const one = await life.make('one')
  await context.inOtherNamespace(async namespace => {
    const { resourceVersion: _, uid: __, creationTimestamp: ___, ...metadata } = one.metadata
    const other = { ...one, metadata: { ...metadata, namespace } } as WithSpec
    await resource.create(other)
    assert.equal((await resource.list({ labelSelector })).items.length, 2)
    assertHas(((await resource.patch(target('one'), { type: 'merge', body: { spec: patch } })) as WithSpec).spec, patched)
    await resource.deleteCollection({ namespace: context.namespace, labelSelector })
    await untilNames(life, [])
    assert.deepEqual(
      (await resource.list({ labelSelector })).items.map(({ metadata }) => metadata.namespace),
      [namespace],
    )
  })
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'Quota hard limits can be updated and the quota deleted',
    run: async context => {
      const life = quotas(context)
      const { spec } = (await life.make('one')) as WithSpec
      assert.deepEqual(spec.hard, { cpu: '1', memory: '500Mi' })
      await context.eventually('an update that nobody wrote between', async () => {
        const read = (await life.resource.get(life.target('one'))) as WithSpec
        await life.resource.update({ ...read, spec: { hard: { cpu: '2', memory: '1Gi' } } } as WithSpec)
        return true
      })
      assert.deepEqual(((await life.resource.get(life.target('one'))) as WithSpec).spec.hard, { cpu: '2', memory: '1Gi' })
      await life.resource.delete(life.target('one'))
      await assert.rejects(life.resource.get(life.target('one')), { reason: 'NotFound' })
    },
  },
  {
    row: 'Quotas can be listed across namespaces by label, patched and removed by collection delete',
    run: context => assertAcrossNamespaces(quotas(context), { hard: { cpu: '4' } }, { hard: { cpu: '4', memory: '500Mi' } }),
  },
  {
    row: 'LimitRanges can be listed across namespaces, patched and removed by collection delete',
    run: context => {
      const limits = [{ type: 'Container', max: { cpu: '750m' } }]
      return assertAcrossNamespaces(ranges(context), { limits }, { limits })
    },
  },
  {
    row: 'PDBs can be listed across namespaces and removed by collection delete',
    run: context => assertAcrossNamespaces(budgets(context), { minAvailable: 2 }, { minAvailable: 2 }),
  },
  {
    row: 'PDB supports create, update, patch and delete',
    run: async context => {
      const life = budgets(context)
      await assertWholeLife(life)
      await life.make('changed')
      const put = async (spec: Record<string, unknown>) => {
        const read = (await life.resource.get(life.target('changed'))) as WithSpec
        return (await life.resource.update({ ...read, spec } as WithSpec)) as WithSpec
      }
      const selector = { matchLabels: { app: 'web' } }
      const updated = await put({ maxUnavailable: '50%', selector })
      assert.deepEqual([updated.spec.maxUnavailable, updated.spec.minAvailable, updated.metadata.generation], ['50%', undefined, 2])
      const bodyOfBoth = { type: 'merge', body: { spec: { minAvailable: 1 } } } as const
      await assert.rejects(life.resource.patch(life.target('changed'), bodyOfBoth), { reason: 'Invalid' })
      // Its controller sets the counts and its own condition, and leaves others'.
      await assertStatus(life, 'changed', { patched: condition('Test', 'Patched'), updated: condition('Test', 'Updated') })
    },
  },
  {
    row: 'PriorityClass can be listed, patched and updated; immutable fields are refused',
    run: async context => {
      const life = kindLife(context, 'scheduling.k8s.io/PriorityClass', () => ({ value: 1_000, description: 'first' }))
      for (const name of ['first', 'second']) await life.make(name)
      assert.deepEqual(await life.names(), ['first', 'second'])
      for (const [field, value] of Object.entries({ value: 1_001, preemptionPolicy: 'Never' })) {
        const message = new RegExp(`${field}: (Invalid value|Forbidden): .*`)
        await assert.rejects(
          life.resource.patch(life.target('first'), { type: 'json', body: [{ op: 'replace', path: `/${field}`, value }] }),
          {
            reason: 'Invalid',
            message,
          },
        )
      }
      const patch = { type: 'merge', body: { description: 'second' } } as const
      assertHas(await life.resource.patch(life.target('first'), patch), { description: 'second', value: 1_000 })
      const updated = await updateMetadata(life, 'second', { updated: 'yes' })
      assertHas(updated, { description: 'first', metadata: { annotations: { updated: 'yes' } } })
      await assertCollectionDelete({
        ...life,
        labelSelector: `${life.labelSelector},name notin (first,second)`,
        names: async () => (await life.names()).filter(name => name !== 'first' && name !== 'second'),
      })
      for (const name of ['first', 'second']) await life.resource.delete(life.target(name))
    },
  },
]
