/** The directory that `davit init` made: its secrets and kubeconfig follow a change of the CA, or the next `davit init` brings the old one back. */
import { join } from 'node:path'
import { publicKeyHash } from '@davit/api'
import { readKeyPair, readText } from '@davit/api/pki'
import type { ClusterCertificates } from './observe.ts'

const DEFAULT_DIR = './davit'

/** `asked`, or ./davit when it is of this cluster. Throws, saying what is there instead, when `asked` is not. */
export async function clusterDirectory(asked: string | undefined, observed: ClusterCertificates): Promise<string | undefined> {
  const dir = asked ?? DEFAULT_DIR
  const why = await whyForeign(dir, observed)
  if (why === undefined) return dir
  if (asked === undefined) return undefined
  throw new Error(`Cannot bring the CA into "${dir}": ${why}. Name the directory that "davit init" made for this cluster.`)
}

/** A cluster is known by the CA of its etcd, which never changes. */
async function whyForeign(dir: string, { holders }: ClusterCertificates): Promise<string | undefined> {
  if ((await readText(join(dir, 'cluster.yaml'))) === undefined) return 'there is no cluster.yaml in it'
  const path = join(dir, 'secrets', 'etcd-ca.pem')
  const text = await readText(path)
  if (text === undefined) return `there is no "${path}": put secrets back from where it was saved`
  const hash = publicKeyHash(readKeyPair(text, path).certificate)
  const isOurs = holders.some(({ certificates }) => certificates.some(({ name, issuer }) => name === 'etcd-ca' && issuer === hash))
  return isOurs ? undefined : 'it is of another cluster, by the CA of its etcd'
}
