/** What workloads have in common: a selector, a pod template and a scale. */
import { forbiddenField, invalidValue, nonNegative, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { PrinterColumn } from '../../kind.ts'
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
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      description: 'Names of the containers in the template.',
      value: ({ spec }) => containerNames(spec.template?.spec),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      description: 'Images of the containers in the template.',
      value: ({ spec }) => containerImages(spec.template?.spec),
    },
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Which pods belong to it.',
      value: ({ spec }) => formatLabelSelector(spec.selector),
    },
  ]
}

/** The selector as the scale subresource has it: text. */
export function scaleSelector(selector: LabelSelector | undefined): string {
  return selectorFromLabelSelector(selector).toString()
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
