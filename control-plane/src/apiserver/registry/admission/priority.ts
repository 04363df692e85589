import { forbidden, type Pod } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

const BUILT_IN: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 }

/** Gives pods the number that their priority class stands for. */
export function priority(): AdmissionRule {
  return {
    resources: ['pods'],
    admit({ object, kind }) {
      const { spec, metadata } = object as Pod
      const className = spec.priorityClassName
      const value = className ? BUILT_IN[className] : 0
      if (value === undefined) throw forbidden(kind, metadata.name ?? '', `no PriorityClass with name ${className} was found`)
      if (spec.priority !== undefined && spec.priority !== value) {
        throw forbidden(
          kind,
          metadata.name ?? '',
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
        )
      }
      spec.priority = value
      spec.preemptionPolicy ??= 'PreemptLowerPriority'
    },
  }
}
