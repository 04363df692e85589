export { type DeletionOptions, type DeletionTarget, deleteObject, waitUntilGone } from './delete-objects.ts'
