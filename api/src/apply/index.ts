export {
  type Applied,
  type Apply,
  applyConfig,
  conflictCause,
  conflictMessage,
  type FieldConflict,
  fieldsStillApplied,
} from './apply-config.ts'
export { atomicPaths } from './atomic.ts'
export { configErrors, joinedErrors } from './check-config.ts'
export { decodeEntries, isReset, isSameEntries, type ManagedFieldsEntry, type Manager } from './entries.ts'
export { type FieldSet, NO_FIELDS, setOf } from './field-set.ts'
export { mergeConfig } from './merge.ts'
export { type Convert, onlyVersion, recordUpdate, type Update, type VersionedObject } from './record-update.ts'
