import { SERVERS_EXTENSION } from '../well-known.ts'

/** What a kubeconfig needs; certificates and key PEM. */
export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443`. */
  server: string
  /** All servers of the cluster, for Davit's own clients: they use any that answers. kubectl does not look at these. */
  servers?: readonly string[]
  ca: string
  certificate: string
  key: string
  /** Of cluster, user and context; default `davit`. */
  name?: string
}

/** A kubeconfig as text. It holds a private key: write it for its owner alone. */
export function makeKubeconfig({ server, servers = [], ca, certificate, key, name = 'davit' }: KubeconfigOptions): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return `apiVersion: v1
kind: Config
current-context: ${name}
clusters:
- name: ${name}
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(ca)}${servers.length > 0 ? extension(servers) : ''}
users:
- name: ${name}-admin
  user:
    client-certificate-data: ${base64(certificate)}
    client-key-data: ${base64(key)}
contexts:
- name: ${name}
  context:
    cluster: ${name}
    user: ${name}-admin
`
}

function extension(servers: readonly string[]): string {
  return `
    extensions:
    - name: ${SERVERS_EXTENSION}
      extension:
        servers: ${JSON.stringify(servers)}`
}
