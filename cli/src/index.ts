export { type ApplyManifestsOptions, type ApplyResult, applyManifests, type ManifestSource } from './apply/index.ts'
export { type LoadedKubeconfig, loadKubeconfig, type ResolvedConnection, resolveConnection } from './kubeconfig/index.ts'
export { openSession, type Session } from './session/index.ts'
