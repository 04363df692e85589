import { forbiddenField } from '../../../field-errors.ts'
import { validateAnnotations } from '../../../object-meta.ts'
import { validateLabels } from '../../../selectors/validate.ts'
import type { FieldError } from '../../../status.ts'
import type { PodTemplateSpec } from './types.ts'
import { validatePodSpec } from './validate-spec.ts'

/** Rules of a pod template at `path`, whichever kind holds it. Defaults are applied. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string): FieldError[] {
  const { metadata, spec = { containers: [] } } = template ?? {}
  const errors = [
    ...validateLabels(metadata?.labels, `${path}.labels`),
    ...validateAnnotations(metadata?.annotations, `${path}.annotations`),
    ...validatePodSpec(spec, `${path}.spec`),
  ]
  if (spec.ephemeralContainers?.length) {
    errors.push(forbiddenField(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'))
  }
  return errors
}
