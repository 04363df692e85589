import { JOB_UID_LABEL, type Job, jobLabels } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/**
 * A new Job selects its pods by its uid, unless it says itself how. What the client has put in place of the server's labels stays:
 * validation refuses it.
 */
export function jobSelector(): AdmissionRule {
  return {
    resources: ['jobs.batch'],
    admit({ object }) {
      const { metadata, spec } = object as Job
      if (spec.manualSelector) return
      // A template that is missing is refused by what it lacks.
      spec.template ??= { spec: { containers: [] } }
      spec.template.metadata = { ...spec.template.metadata, labels: { ...jobLabels(metadata), ...spec.template.metadata?.labels } }
      const { matchLabels } = spec.selector ?? {}
      spec.selector = { ...spec.selector, matchLabels: { [JOB_UID_LABEL]: metadata.uid ?? '', ...matchLabels } }
    },
  }
}
