import type { FieldError, Kind, Pod } from '@davit/api'
import { refuse, validateNew } from '../validation.ts'
import { isSameJson } from '../written.ts'

/** Ephemeral containers are only ever added; those that are there stay as they are. Throws Invalid. */
export function validateEphemeralContainers(kind: Kind, pod: Pod, old: Pod): void {
  const errors: FieldError[] = []
  const field = 'spec.ephemeralContainers'
  for (const before of old.spec.ephemeralContainers ?? []) {
    const after = pod.spec.ephemeralContainers?.find(container => container.name === before.name)
    const what = `existing ephemeral containers ${JSON.stringify(before.name)} may not be`
    if (!after) errors.push({ type: 'Forbidden', field, detail: `${what} removed` })
    else if (!isSameJson(after, before)) errors.push({ type: 'Forbidden', field, detail: `${what} changed` })
  }
  refuse(kind, pod, errors)
  validateNew(kind, pod)
}
