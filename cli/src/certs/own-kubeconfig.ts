/** The kubeconfig in use: its list of CAs and its certificate follow a change of the CA. */
import { X509Certificate } from 'node:crypto'
import { type Credentials, issuerHash, lifeOf } from '@davit/api'
import { type Authority, type CertificateRequest, createCertificate } from '@davit/api/pki'
import type { Cli } from '../command-line/index.ts'
import { currentContextOf, type Kubeconfig, loadKubeconfig, resolveConnection, saveKubeconfig } from '../kubeconfig/index.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface OwnCredentials extends Credentials {
  /** Files that were written. */
  readonly written: readonly string[]
}

/** The certificate that the flags and the kubeconfig give, PEM; undefined for who comes with a token. */
export async function ownCertificate(cli: Cli): Promise<string | undefined> {
  return (await resolveConnection(await cli.kubeconfig(), cli.flags)).certificate
}

/**
 * Makes the kubeconfig trust the CAs of `authority`, and gives it a certificate of the first for the same name and as long a life, where
 * its own is of another or `always`. What flags give instead is left to whoever gives it.
 */
export async function renewKubeconfig(
  cli: Cli,
  authority: Authority,
  { always = false }: { always?: boolean } = {},
): Promise<OwnCredentials> {
  const { flags } = cli
  // As it is now: an earlier call may have written it.
  const loaded = await loadKubeconfig(flags.kubeconfig, cli.env)
  const { files, config } = loaded
  const context = currentContextOf(config, flags.context ?? config['current-context'])?.context
  const { certificate, key } = await resolveConnection(loaded, flags)
  const isOther = always || (certificate !== undefined && issuerHash(certificate, authority.certificate) === undefined)
  const pair = certificate && isOther && !flags.clientCertificate ? await reissue(certificate, authority, cli.clock.now()) : undefined
  const written: string[] = []
  for (const file of files) {
    const changed = changeFile(file.config, {
      cluster: flags.certificateAuthority ? undefined : (flags.cluster ?? context?.cluster),
      user: flags.user ?? context?.user,
      bundle: authority.bundle,
      pair,
    })
    if (JSON.stringify(changed) === JSON.stringify(file.config)) continue
    await saveKubeconfig(file.path, changed)
    written.push(file.path)
  }
  const credentials = { certificateAuthority: authority.bundle, ...(certificate && { certificate }), ...(key && { key }) }
  return { ...credentials, ...pair, written }
}

interface Change {
  cluster: string | undefined
  user: string | undefined
  bundle: string
  pair: { certificate: string; key: string } | undefined
}

/** The file's content with new data for one cluster and one user; paths to files give way to data. Pure. */
export function changeFile(config: Kubeconfig, { cluster, user, bundle, pair }: Change): Kubeconfig {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return {
    ...config,
    ...(config.clusters && {
      clusters: config.clusters.map(entry => {
        if (entry.name !== cluster) return entry
        const { 'certificate-authority': _, ...kept } = entry.cluster
        return { name: entry.name, cluster: { ...kept, 'certificate-authority-data': base64(bundle) } }
      }),
    }),
    ...(config.users && {
      users: config.users.map(entry => {
        if (entry.name !== user || !pair) return entry
        const { 'client-certificate': _, 'client-key': __, ...kept } = entry.user
        const data = { 'client-certificate-data': base64(pair.certificate), 'client-key-data': base64(pair.key) }
        return { name: entry.name, user: { ...kept, ...data } }
      }),
    }),
  }
}

function reissue(certificate: string, authority: Authority, now: number) {
  const { from, to } = lifeOf(certificate)
  return createCertificate(authority, requestOf(certificate), { now, days: (to - from) / DAY_MS })
}

function requestOf(certificate: string): CertificateRequest {
  const parts = new X509Certificate(certificate).subject.split('\n').map(line => line.split(/=(.*)/s))
  const values = (wanted: string) => parts.flatMap(([type, value = '']) => (type === wanted ? [value] : []))
  return { commonName: values('CN')[0] ?? '', organizations: values('O'), usage: 'client' }
}
