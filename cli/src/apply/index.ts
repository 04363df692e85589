export { type ApplyManifestsOptions, applyManifests, type ManifestSource } from './apply-manifests.ts'
export { type ApplyOptions, type ApplyResult, applyObject, withSource } from './apply-object.ts'
export { lastApplied, withLastApplied } from './last-applied.ts'
