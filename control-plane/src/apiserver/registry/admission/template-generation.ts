import type { DaemonSet } from '@davit/api'
import { isSameJson } from '../written.ts'
import type { AdmissionRule } from './rule.ts'

const ANNOTATION = 'deprecated.daemonset.template.generation'

/** The number of a DaemonSet's template, counted by the server; older clients tell pods of different templates apart by it. */
export function templateGeneration(): AdmissionRule {
  return {
    resources: ['daemonsets.apps'],
    onUpdate: true,
    onEveryPart: true,
    admit({ object, old }) {
      const now = object as DaemonSet
      const before = old as DaemonSet | undefined
      const count = numberOf(before ?? now)
      const isChanged = before !== undefined && !isSameJson(now.spec.template, before.spec.template)
      now.metadata.annotations = { ...now.metadata.annotations, [ANNOTATION]: String(count + Number(isChanged)) }
    },
  }
}

function numberOf({ metadata }: DaemonSet): number {
  const count = Number(metadata.annotations?.[ANNOTATION])
  return Number.isSafeInteger(count) && count >= 1 ? count : 1
}
