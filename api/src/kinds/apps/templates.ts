/** What Deployments and ReplicaSets have in common: a selector, a pod template and a scale. */
import { forbiddenField, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { PrinterColumn } from '../../kind.ts'
import type { KubernetesObject, LabelSelector } from '../../meta.ts'
import { validateAnnotations } from '../../object-meta.ts'
import { formatLabelSelector, selectorFromLabelSelector } from '../../selectors/labels.ts'
import type { Selector } from '../../selectors/requirement.ts'
import { validateLabelSelector, validateLabels } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { containerImages, containerNames } from '../columns.ts'
import { type PodTemplateSpec, validatePodSpec } from '../core/pod.ts'

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
  const errors: FieldError[] = []
  const labels = template?.metadata?.labels
  if (selector && !selector.empty && !selector.matches(labels)) {
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'))
  }
  const spec = template?.spec ?? { containers: [] }
  errors.push(
    ...validateLabels(labels, 'spec.template.labels'),
    ...validateAnnotations(template?.metadata?.annotations, 'spec.template.annotations'),
    ...validatePodSpec(spec, 'spec.template.spec'),
  )
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField('spec.template.spec.ephemeralContainers', 'ephemeral containers not allowed in pod template'))
  }
  const { restartPolicy, activeDeadlineSeconds } = spec
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
