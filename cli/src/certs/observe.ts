/** What the cluster says of its certificates: the Secret with its CAs, the Leases of its API servers, and its Nodes. */
import {
  CERTIFICATE_ANNOTATIONS,
  type CertificateReport,
  type HttpClient,
  isNodeReady,
  isReason,
  leaseKind,
  NAMESPACES,
  nodeKind,
  type ObjectMeta,
  secretKind,
} from '@davit/api'
import { AUTHORITIES_SECRET, certificatesIn, readAuthoritiesSecret } from '@davit/api/pki'
import { JUMP_ANNOTATION, SSH_ANNOTATION } from '../nodes/index.ts'

/** An API server or a node, by what it says of itself. */
export interface Holder {
  readonly kind: 'API server' | 'node'
  readonly name: string
  /** Its Lease holds, or it is Ready. */
  readonly isReachable: boolean
  /** Hashes of the CAs it trusts; empty when it does not say. */
  readonly trusted: readonly string[]
  /** Hash of the CA that signed the certificate it shows. */
  readonly issuer: string
  /** What brings a node back once its certificate is of no use any more. */
  readonly wayBack: string
  /** What it holds. */
  readonly certificates: readonly CertificateReport[]
}

export interface ClusterCertificates {
  /** What the Secret holds: each CA and its key, the signing one first. */
  readonly authorities: string
  /** The CAs in it, PEM. */
  readonly certificates: readonly string[]
  /** Of the Secret. */
  readonly resourceVersion: string
  readonly holders: readonly Holder[]
}

const API_SERVERS = 'davit.dev/apiserver=true'

/** Throws with what to do when the control plane keeps no CAs in the cluster. `now`: milliseconds since the epoch. */
export async function observeCertificates(client: HttpClient, now: number, signal?: AbortSignal): Promise<ClusterCertificates> {
  const options = signal ? { signal } : {}
  const [secret, leases, nodes] = await Promise.all([
    client.resource(secretKind).get(AUTHORITIES_SECRET, options).catch(explain),
    client.resource(leaseKind).list({ namespace: NAMESPACES.system, labelSelector: API_SERVERS, ...options }),
    client.resource(nodeKind).list(options),
  ])
  const authorities = readAuthoritiesSecret(secret) ?? ''
  const servers = leases.items.map(({ metadata, spec }): Holder => {
    const silentMs = now - Date.parse(spec?.renewTime ?? '')
    return {
      kind: 'API server',
      name: spec?.holderIdentity ?? metadata.name ?? '',
      isReachable: silentMs < (spec?.leaseDurationSeconds ?? 0) * 1000,
      ...saidIn(metadata.annotations),
      wayBack: '',
      certificates: reportIn(metadata.annotations?.[CERTIFICATE_ANNOTATIONS.report]),
    }
  })
  const agents = nodes.items.map((node): Holder => {
    const { metadata } = node
    const said = saidIn(metadata.annotations)
    const expires = metadata.annotations?.[CERTIFICATE_ANNOTATIONS.expires]
    return {
      kind: 'node',
      name: metadata.name ?? '',
      isReachable: isNodeReady(node),
      ...said,
      wayBack: wayBackOf(metadata),
      certificates: expires ? [{ name: 'node', issuer: said.issuer, expires }] : [],
    }
  })
  return {
    authorities,
    certificates: certificatesIn(authorities),
    resourceVersion: secret.metadata.resourceVersion ?? '',
    holders: [...servers, ...agents],
  }
}

function explain(err: unknown): never {
  if (!isReason(err, 'NotFound')) throw err
  const { namespace, name } = AUTHORITIES_SECRET
  throw new Error(
    `Cannot find Secret ${namespace}/${name}, which the control plane makes: it runs an older version, or has not started yet`,
  )
}

function saidIn(annotations: Readonly<Record<string, string>> | undefined): Pick<Holder, 'trusted' | 'issuer'> {
  const trusted = annotations?.[CERTIFICATE_ANNOTATIONS.trusted]
  return { trusted: trusted ? trusted.split(',') : [], issuer: annotations?.[CERTIFICATE_ANNOTATIONS.issuer] ?? '' }
}

function wayBackOf({ name, annotations }: ObjectMeta): string {
  const { [SSH_ANNOTATION]: target, [JUMP_ANNOTATION]: jump } = annotations ?? {}
  if (!target) return `davit token create --node-name ${name} --print-join-command`
  return `davit node add ${target}${jump ? ` -J ${jump}` : ''}`
}

function reportIn(text: string | undefined): CertificateReport[] {
  try {
    return JSON.parse(text ?? '[]') as CertificateReport[]
  } catch {
    return []
  }
}
