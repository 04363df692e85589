import { forbiddenField, immutable } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { boolean, int32, object, oneOf, required, string } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/priority-class-v1/ */
export interface PriorityClass extends KubernetesObject {
  value: number
  globalDefault?: boolean
  description?: string
  preemptionPolicy?: 'Never' | 'PreemptLowerPriority'
}

/** The classes every cluster has; nobody may change what they are worth, or delete them. */
export const SYSTEM_PRIORITY_CLASSES: readonly PriorityClass[] = [
  systemClass('system-cluster-critical', 2_000_000_000, 'For pods without which the cluster does not work, on whichever node they run.'),
  systemClass('system-node-critical', 2_000_001_000, 'For pods without which their node does not work.'),
]

const USER_VALUE_MAX = 1_000_000_000

function systemClass(name: string, value: number, description: string): PriorityClass {
  const metadata = { name }
  return {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata,
    value,
    description,
    preemptionPolicy: 'PreemptLowerPriority',
  }
}

export const priorityClassKind = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  // Raised by nothing, but there from the start, as in Kubernetes.
  hasGeneration: true,
  description: 'How important pods are that name it.',
  schema: () =>
    object('PriorityClass', 'How important pods are that name it.', {
      value: required(int32('The priority; higher goes first. At most 1000000000. Cannot be changed.')),
      globalDefault: boolean('Whether pods that name no class get this one; true of one class at most.'),
      description: string('What the class is for, in words for people.'),
      preemptionPolicy: oneOf(
        ['Never', 'PreemptLowerPriority'],
        'Whether pods of the class may displace others; PreemptLowerPriority by default. Cannot be changed.',
      ),
    }),
  applyDefaults(priorityClass) {
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  validate(priorityClass) {
    const { metadata, value } = priorityClass
    const name = metadata.name ?? ''
    if (!name.startsWith('system-')) {
      return value > USER_VALUE_MAX
        ? [forbiddenField('value', `maximum allowed value of a user defined priority is ${USER_VALUE_MAX}`)]
        : []
    }
    const why = whyNoSystemClass(priorityClass)
    const reserved = "priority class names with 'system-' prefix are reserved for system use only. error: "
    return why === undefined ? [] : [forbiddenField('metadata.name', reserved + why)]
  },
  validateUpdate: ({ value, preemptionPolicy }, old) => [
    ...(value === old.value ? [] : [forbiddenField('value', 'may not be changed in an update.')]),
    ...immutable('preemptionPolicy', preemptionPolicy, old.preemptionPolicy),
  ],
  columns: [
    nameColumn,
    { name: 'Value', type: 'integer', description: 'The priority.', value: ({ value }) => value },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'Whether pods that name no class get this one.',
      value: ({ globalDefault }) => globalDefault ?? false,
    },
    ageColumn,
    {
      name: 'PreemptionPolicy',
      type: 'string',
      description: 'Whether pods of the class may displace others.',
      value: ({ preemptionPolicy }) => preemptionPolicy,
    },
  ],
})

function whyNoSystemClass({ metadata: { name = '' }, value, globalDefault }: PriorityClass): string | undefined {
  const known = SYSTEM_PRIORITY_CLASSES.find(({ metadata }) => metadata.name === name)
  if (!known) return `${name} is not a known system priority class`
  if (value !== known.value) return `value of ${name} PriorityClass must be ${known.value}`
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined
}
