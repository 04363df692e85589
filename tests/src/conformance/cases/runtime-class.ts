/** RuntimeClasses as pods name them. */
import assert from 'node:assert/strict'
import { podCondition } from '@davit/api'
import type { Case } from '../case.ts'
import { HEEDS_TERM, shell } from '../context.ts'
import { type Body, kindLife } from './kind-life.ts'

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
  scheduledCase('A pod naming an existing RuntimeClass without overhead is scheduled', {}),
  scheduledCase('RuntimeClass overhead is copied into the pod and the pod is scheduled', {
    overhead: { podFixed: { cpu: '10m', memory: '1Mi' } },
  }),
]
