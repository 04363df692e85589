/** A kubeconfig as the file has it. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
export interface Kubeconfig {
  apiVersion?: string
  kind?: string
  'current-context'?: string
  clusters?: NamedCluster[]
  users?: NamedUser[]
  contexts?: NamedContext[]
  preferences?: Record<string, unknown>
}

export interface NamedCluster {
  name: string
  cluster: Cluster
}

export interface Cluster {
  server?: string
  'certificate-authority'?: string
  'certificate-authority-data'?: string
  'insecure-skip-tls-verify'?: boolean
  'proxy-url'?: string
  extensions?: NamedExtension[]
}

export interface NamedExtension {
  name: string
  extension: unknown
}

export interface NamedUser {
  name: string
  user: User
}

export interface User {
  'client-certificate'?: string
  'client-certificate-data'?: string
  'client-key'?: string
  'client-key-data'?: string
  token?: string
  tokenFile?: string
  username?: string
  password?: string
  exec?: unknown
}

export interface NamedContext {
  name: string
  context: Context
}

export interface Context {
  cluster?: string
  user?: string
  namespace?: string
}
