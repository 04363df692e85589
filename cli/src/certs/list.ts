/** All certificates of a cluster as rows, for `davit certs`. */
import { X509Certificate } from 'node:crypto'
import { formatAge, formatTime, issuerHash, lifeOf, publicKeyHash } from '@davit/api'
import { alignColumns } from '../printers/index.ts'
import type { ClusterCertificates } from './observe.ts'

export interface CertificateRow {
  readonly name: string
  /** `cluster`, `kubeconfig`, or the API server or node that holds it. */
  readonly where: string
  readonly purpose: string
  readonly issuer: string
  /** Hash of the issuer's public key. */
  readonly issuerHash: string
  /** RFC 3339. */
  readonly expires: string
  readonly daysLeft: number
}

const PURPOSES: Readonly<Record<string, string>> = {
  ca: 'signs the certificates of the cluster',
  'etcd-ca': 'signs the certificates of etcd',
  server: 'the API, and requests to other API servers',
  admin: 'admin.kubeconfig',
  controllers: 'controllers and scheduler apart from the API server',
  'etcd-client': 'requests to etcd',
  'etcd-server': 'etcd, towards clients',
  'etcd-peer': 'etcd, among members',
  node: 'the agent, towards the API',
  kubeconfig: 'this kubeconfig',
}
const DAY_MS = 24 * 60 * 60 * 1000

/** CAs first, then API servers and nodes in order, then the certificate of the kubeconfig in use. Pure. */
export function certificateRows({ certificates, holders }: ClusterCertificates, own: string | undefined, now: number): CertificateRow[] {
  const names = new Map(certificates.map(certificate => [publicKeyHash(certificate), commonName(certificate)]))
  for (const { name, issuer } of holders.flatMap(holder => holder.certificates)) if (name === 'etcd-ca') names.set(issuer, 'etcd-ca')
  const row = (name: string, where: string, { issuer, expires }: { issuer: string; expires: string }): CertificateRow => ({
    name,
    where,
    purpose: PURPOSES[name] ?? name,
    issuer: names.get(issuer) ?? (issuer ? issuer.slice(0, 'sha256:'.length + 12) : 'unknown'),
    issuerHash: issuer,
    expires,
    daysLeft: Math.floor(((Date.parse(expires) - now) / DAY_MS) * 10) / 10,
  })
  const expiresOf = (certificate: string) => formatTime(lifeOf(certificate).to)
  return [
    ...certificates.map(certificate => row('ca', 'cluster', { issuer: publicKeyHash(certificate), expires: expiresOf(certificate) })),
    ...holders.flatMap(holder => {
      const held = holder.certificates.filter(({ name }) => name !== 'ca')
      return held.map(certificate => row(certificate.name, `${holder.kind} ${holder.name}`, certificate))
    }),
    ...(own === undefined
      ? []
      : [row('kubeconfig', 'here', { issuer: issuerHash(own, certificates.join('')) ?? '', expires: expiresOf(own) })]),
  ]
}

/** The rows as a table; `wide`: with the issuer's hash. */
export function printRows(rows: readonly CertificateRow[], { now, wide }: { now: number; wide: boolean }): string {
  const header = ['NAME', 'WHERE', 'FOR', 'ISSUER', 'EXPIRES', 'LEFT', ...(wide ? ['ISSUER HASH'] : [])]
  const left = (expires: string) => (Date.parse(expires) <= now ? 'EXPIRED' : formatAge(Date.parse(expires) - now))
  const cells = rows.map(({ name, where, purpose, issuer, issuerHash: hash, expires }) => {
    return [name, where, purpose, issuer, expires, left(expires), ...(wide ? [hash] : [])]
  })
  return alignColumns([header, ...cells])
}

function commonName(certificate: string): string {
  return /^CN=(.*)$/m.exec(new X509Certificate(certificate).subject)?.[1] ?? ''
}
