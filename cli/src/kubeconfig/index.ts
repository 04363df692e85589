export { type KubeconfigFile, type LoadedKubeconfig, loadKubeconfig } from './load.ts'
export { type ConnectionFlags, type ResolvedConnection, resolveConnection } from './resolve.ts'
export type { Cluster, Context, Kubeconfig, NamedContext, User } from './types.ts'
export { currentContextOf, redact, saveKubeconfig } from './write.ts'
