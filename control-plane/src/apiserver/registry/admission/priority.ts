import { forbidden, type Pod, type PriorityClass, priorityClassKind, SYSTEM_PRIORITY_CLASSES } from '@davit/api'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

type Worth = Pick<PriorityClass, 'value' | 'preemptionPolicy'> & { readonly name?: string | undefined }

/** Gives pods the number that their priority class stands for. */
export function priority({ find, all }: Lookups): AdmissionRule {
  const worthOf = async (name: string | undefined, signal: AbortSignal | undefined): Promise<Worth | undefined> => {
    if (!name) return defaultWorth(await all(priorityClassKind))
    // There from the first moment, whatever bootstrap has come to.
    const system = SYSTEM_PRIORITY_CLASSES.find(({ metadata }) => metadata.name === name)
    const found = system ?? (await find(priorityClassKind, { name }, signal))
    return found && { ...found, name }
  }
  return {
    resources: ['pods'],
    onUpdate: true,
    async admit({ object, kind, context, old }) {
      const { spec, metadata } = object as Pod
      if (old) return keepPriority(object as Pod, old as Pod)
      const worth = await worthOf(spec.priorityClassName, context.signal)
      const refuse = (why: string) => forbidden(kind, metadata.name ?? '', why)
      if (!worth) throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`)
      const { value, preemptionPolicy = 'PreemptLowerPriority', name } = worth
      if (spec.priority !== undefined && spec.priority !== value) {
        throw refuse(
          `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
        )
      }
      if (spec.preemptionPolicy && spec.preemptionPolicy !== preemptionPolicy) {
        throw refuse(
          `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
        )
      }
      spec.priority = value
      spec.preemptionPolicy = preemptionPolicy
      if (name) spec.priorityClassName = name
    },
  }
}

/** A client that writes back an older form of the pod leaves out what admission had put in. */
function keepPriority({ spec }: Pod, { spec: old }: Pod): void {
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority
  if (!spec.preemptionPolicy && old.preemptionPolicy) spec.preemptionPolicy = old.preemptionPolicy
  if (!spec.priorityClassName && old.priorityClassName) spec.priorityClassName = old.priorityClassName
}

/** Of pods that name no class. Two at a time may have been marked by two replicas: the lower counts. */
function defaultWorth(classes: readonly PriorityClass[]): Worth {
  const [chosen] = classes.filter(({ globalDefault }) => globalDefault).sort((a, b) => a.value - b.value)
  return chosen ? { ...chosen, name: chosen.metadata.name } : { value: 0 }
}

/** One class may be the default; those every cluster has stay. */
export function priorityClasses({ all }: Lookups): AdmissionRule {
  return {
    resources: ['priorityclasses.scheduling.k8s.io'],
    onUpdate: true,
    async admit({ object, kind }) {
      const name = object.metadata.name ?? ''
      if (!(object as PriorityClass).globalDefault) return
      const other = (await all(priorityClassKind)).find(({ metadata, globalDefault }) => globalDefault && metadata.name !== name)
      if (!other) return
      const why = `PriorityClass ${other.metadata.name} is already marked as default for pods. Only one default can exist`
      throw forbidden(kind, name, why)
    },
    async release({ metadata: { name = '' } }) {
      if (!SYSTEM_PRIORITY_CLASSES.some(({ metadata }) => metadata.name === name)) return
      throw forbidden(priorityClassKind, name, 'this is a system priority class and cannot be deleted')
    },
  }
}
