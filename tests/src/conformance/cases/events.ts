/** Events, in the core group and in events.k8s.io. */
import assert from 'node:assert/strict'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import { assertCollectionDelete, assertWholeLife, kindLife } from './kind-life.ts'

const GROUP = 'events.k8s.io/Event'

function coreLife(context: ApiContext) {
  return kindLife(context, '/Event', () => ({
    involvedObject: { kind: 'Pod', name: 'none', namespace: context.namespace },
    reason: 'Test',
    message: 'A test',
    type: 'Normal',
    source: { component: 'test' },
  }))
}

function groupLife(context: ApiContext) {
  return kindLife(context, GROUP, () => ({
    eventTime: '2026-01-02T03:04:05.123456Z',
    action: 'Do',
    reason: 'Test',
    note: 'A test',
    type: 'Normal',
    reportingController: 'example.com/test',
    reportingInstance: 'test-0',
    regarding: { kind: 'Pod', name: 'none', namespace: context.namespace },
  }))
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'Core event can be created, listed across namespaces, patched, updated and deleted',
    run: async context => {
      const life = coreLife(context)
      await assertWholeLife(life)
      await life.make('worded')
      const patched = await life.resource.patch(life.target('worded'), { type: 'strategic', body: { message: 'Other words' } })
      assert.equal((patched as { message?: string }).message, 'Other words')
    },
  },
  {
    row: 'Core events can be selected by label and removed by collection delete',
    run: async context => assertCollectionDelete(coreLife(context)),
  },
  {
    row: 'events.k8s.io event can be created, fetched, patched, updated, listed and deleted',
    kind: GROUP,
    run: async context => {
      const life = groupLife(context)
      await assertWholeLife(life)
      await life.make('seen-in-both')
      const core = await coreLife(context).resource.get(life.target('seen-in-both'))
      assert.equal((core as { message?: string }).message, 'A test', 'one event, two groups')
    },
  },
  {
    row: 'events.k8s.io events can be listed and removed by collection delete',
    kind: GROUP,
    run: async context => assertCollectionDelete(groupLife(context)),
  },
]
