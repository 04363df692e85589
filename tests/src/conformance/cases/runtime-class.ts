/** RuntimeClasses as pods name them. */
import assert from 'node:assert/strict'
import { podCondition } from '@davit/api'
import type { Case } from '../case.ts'
import { HEEDS_TERM, shell } from '../context.ts'
import { type Body, kindLife, untilNames } from './kind-life.ts'

const KIND = 'node.k8s.io/RuntimeClass'

function scheduledCase(row: string, body: Body): Case {
  return {
    row,
    kind: KIND,
    run: async context => {
      const life = kindLife(context, KIND, () => ({ handler: 'runc', ...body }))
      const { metadata } = await life.make('class')
      const { overhead } = body as { overhead?: { podFixed: Record<string, string> } }
      const { spec } = await context.create('test', { runtimeClassName: metadata.name ?? '', containers: [shell(HEEDS_TERM)] })
      assert.deepEqual(spec.overhead, overhead?.podFixed)
      await context.until('test', 'scheduled', pod => podCondition(pod, 'PodScheduled')?.status === 'True')
      await context.ready('test')
      await life.resource.delete(life.target('class'))
    },
  }
}

export const cases: readonly Case[] = [
  {
    row: 'A pod naming an unknown RuntimeClass is refused',
    kind: KIND,
    run: async context => {
      const created = context.create('refused', { runtimeClassName: 'no-such-class', containers: [shell('true')] })
      await assert.rejects(created, { reason: 'Forbidden', message: /RuntimeClass "no-such-class" not found/ })
    },
  },
  {
    row: 'A pod naming a deleted RuntimeClass is refused',
    kind: KIND,
    run: async context => {
      const life = kindLife(context, KIND, () => ({ handler: 'runc' }))
      const { metadata } = await life.make('class')
      await life.resource.delete(life.target('class'))
      await untilNames(life, [])
      const create = () => context.create('refused', { runtimeClassName: metadata.name ?? '', containers: [shell('true')] })
      await assert.rejects(create, { reason: 'Forbidden' })
    },
  },
  scheduledCase('A pod naming an existing RuntimeClass without overhead is scheduled', {}),
  scheduledCase('RuntimeClass overhead is copied into the pod and the pod is scheduled', {
    overhead: { podFixed: { cpu: '10m', memory: '1Mi' } },
  }),
]
