/** What workloads have in common: a selector, a pod template and a scale. */
import { forbiddenField, invalidValue, nonNegative, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { Kind, PrinterColumn } from '../../kind.ts'
import type { KubernetesObject, LabelSelector } from '../../meta.ts'
import { formatLabelSelector, selectorFromLabelSelector } from '../../selectors/labels.ts'
import type { Selector } from '../../selectors/requirement.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { containerImages, containerNames } from '../columns.ts'
import { type PodTemplateSpec, validatePodTemplate } from '../core/pod.ts'

interface WithTemplate {
  selector?: LabelSelector
  template?: PodTemplateSpec
}

/** The selector must be there, select something, and select what the template makes. */
export function validateSelectorAndTemplate({ selector, template }: WithTemplate, kind: 'Deployment' | 'ReplicaSet'): FieldError[] {
  // An absent selector selects nothing, so it does not match either, and upstream says both.
  if (!selector) return [requiredValue('spec.selector'), ...validateTemplate(template, selectorFromLabelSelector(selector), kind)]
  const errors = validateLabelSelector(selector, 'spec.selector')
  if (errors.length > 0) return [...errors, ...validateTemplate(template, undefined, kind)]
  const compiled = selectorFromLabelSelector(selector)
  // The words say deployment for every kind, as they do upstream.
  if (compiled.empty) errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for deployment'))
  return [...errors, ...validateTemplate(template, compiled, kind)]
}

function validateTemplate(template: PodTemplateSpec | undefined, selector: Selector | undefined, kind: string): FieldError[] {
  return [
    ...validateSelected(template, selector),
    ...validatePodTemplate(template, 'spec.template'),
    ...validateLastingPods(template, kind),
  ]
}

/** The selector, where it can be read, must select what the template makes. */
export function validateSelected(template: PodTemplateSpec | undefined, selector: Selector | undefined): FieldError[] {
  const labels = template?.metadata?.labels
  if (!selector || selector.empty || selector.matches(labels)) return []
  return [invalidValue('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`')]
}

/** Pods of a workload that goes on for ever do not end by themselves. */
export function validateLastingPods(template: PodTemplateSpec | undefined, kind: string): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {}
  const errors: FieldError[] = []
  if (restartPolicy && restartPolicy !== 'Always') {
    errors.push(unsupportedValue('spec.template.spec.restartPolicy', restartPolicy, ['Always']))
  }
  if (activeDeadlineSeconds !== undefined) {
    errors.push(forbiddenField('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`))
  }
  return errors
}

/** CONTAINERS, IMAGES and SELECTOR of `-o wide`. */
export function templateColumns<T extends KubernetesObject & { spec: WithTemplate }>(): PrinterColumn<T>[] {
  return [...containerColumns<T>(({ spec }) => spec.template), selectorColumn<T>(({ spec }) => formatLabelSelector(spec.selector))]
}

/** CONTAINERS and IMAGES of `-o wide`. */
export function containerColumns<T extends KubernetesObject>(
  templateOf: (object: T) => PodTemplateSpec | undefined,
): [PrinterColumn<T>, PrinterColumn<T>] {
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      description: 'Names of the containers in the template.',
      value: object => containerNames(templateOf(object)?.spec),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      description: 'Images of the containers in the template.',
      value: object => containerImages(templateOf(object)?.spec),
    },
  ]
}

/** SELECTOR of `-o wide`. */
export function selectorColumn<T extends KubernetesObject>(selectorOf: (object: T) => string): PrinterColumn<T> {
  return { name: 'Selector', type: 'string', priority: 1, description: 'Which pods belong to it.', value: selectorOf }
}

type WithReplicas = KubernetesObject & {
  spec: { replicas?: number }
  status?: { replicas?: number; readyReplicas?: number }
}

/** READY of workloads that are rolled out: `1/3`. */
export function readyColumn<T extends WithReplicas>(): PrinterColumn<T> {
  return {
    name: 'Ready',
    type: 'string',
    description: 'How many pods are ready, of how many.',
    value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
  }
}

/** DESIRED, CURRENT and READY of workloads that only count their pods. */
export function countColumns<T extends WithReplicas>(): PrinterColumn<T>[] {
  return [
    { name: 'Desired', type: 'integer', description: 'How many pods are wanted.', value: ({ spec }) => spec.replicas ?? 1 },
    { name: 'Current', type: 'integer', description: 'How many pods there are.', value: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', description: 'How many of them are ready.', value: ({ status }) => status?.readyReplicas ?? 0 },
  ]
}

/** `scale` of a workload that has its numbers where all of Kubernetes' own have them; `selectorOf` gives text. */
export function replicasScale<T extends WithReplicas>(selectorOf: (object: T) => string): NonNullable<Kind<T>['scale']> {
  return {
    replicas: ({ spec }) => spec.replicas ?? 1,
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    setReplicas: ({ spec }, replicas) => {
      spec.replicas = replicas
    },
    selector: selectorOf,
  }
}

/** The same where the selector is a label selector. */
export function templateScale<T extends WithReplicas & { spec: WithTemplate }>(): NonNullable<Kind<T>['scale']> {
  return replicasScale(({ spec }) => selectorFromLabelSelector(spec.selector).toString())
}

/** None of the numbers of a status may be negative. */
export function validateCounts<N extends string>(status: Readonly<Partial<Record<N, number>>>, names: readonly N[]): FieldError[] {
  return names.flatMap(name => nonNegative(`status.${name}`, status[name]))
}

/** It is part of names that were given already. */
export function validateCollisionCount(status: { collisionCount?: number }, old: { collisionCount?: number } = {}): FieldError[] {
  const { collisionCount = 0 } = status
  if (collisionCount >= (old.collisionCount ?? 0)) return []
  return [invalidValue('status.collisionCount', collisionCount, 'cannot be decremented')]
}
