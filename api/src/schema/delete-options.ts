import { once } from '../once.ts'
import { boolean, field, int64, object, string, strings } from './fields.ts'

/** The component `DeleteOptions`: the body of a deletion, and part of an Eviction. */
export const deleteOptionsSchema = once(() =>
  object('DeleteOptions', 'How an object is to be deleted.', {
    apiVersion: string('Group and version, such as `v1`.'),
    kind: string('DeleteOptions.'),
    gracePeriodSeconds: int64("Seconds the object has to end; 0 for at once, the kind's own default if absent."),
    preconditions: field(
      object('Preconditions', 'What the object must be; otherwise it is left alone.', {
        uid: string('Uid it must have.'),
        resourceVersion: string('Version it must have.'),
      }),
      'What the object must be; otherwise the answer is a conflict.',
    ),
    orphanDependents: boolean('Deprecated, use propagationPolicy: whether dependents stay.'),
    propagationPolicy: string('What becomes of dependents: Orphan, Background or Foreground.'),
    dryRun: strings('All: everything is checked and nothing is deleted.'),
    ignoreStoreReadErrorWithClusterBreakingPotential: boolean('Has no effect here: what is stored can be read.'),
  }),
)
