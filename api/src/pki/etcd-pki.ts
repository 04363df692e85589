/**
 * The certificates of an etcd member, as files it reads: `ca.crt`, `server.crt` and `.key`, `peer.crt` and `.key`. The names they are
 * good for stand in `member.json`. A key stays when its certificate is renewed, so that the one file replaced always fits the other:
 * etcd reads both anew at every handshake.
 */

import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type CertificateRequest, createCertificateFor, isSignedBy, type KeyPair, namesOf } from './certificates.ts'
import { createFile, readText, replaceFile } from './files.ts'
import { exportKey, generateKeys } from './keys.ts'
import { isRenewalDue } from './renewal.ts'

export interface EtcdMemberPki {
  /** PEM. */
  readonly server: string
  readonly peer: string
}

export interface EtcdPkiOptions {
  readonly dir: string
  /** Of etcd, which is another than the cluster's. */
  readonly authority: KeyPair & { readonly bundle: string }
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly days: number
  /** In 0…1: how much earlier than others to renew. */
  readonly jitter?: number
}

const LOCAL_NAMES = ['localhost', '127.0.0.1']

/** Makes what is missing and renews what is due; a member that runs needs no word of it. Throws when `member.json` is not there or not to be used. */
export async function loadOrRenewEtcdPki(options: EtcdPkiOptions): Promise<EtcdMemberPki> {
  const { dir, authority } = options
  const names = [...new Set([...LOCAL_NAMES, ...(await readNames(join(dir, 'member.json')))])].sort()
  const ca = join(dir, 'ca.crt')
  if ((await readText(ca)) !== authority.bundle) await replaceFile(ca, authority.bundle)
  // Members are each other's clients, and etcd's own gateway is a client of its server.
  const request = (commonName: string): CertificateRequest => ({ commonName, usage: 'both', names })
  return {
    server: await keep('server', request('davit-etcd'), options),
    peer: await keep('peer', request('davit-etcd-peer'), options),
  }
}

async function keep(file: string, request: CertificateRequest, { dir, authority, now, days, jitter = 0 }: EtcdPkiOptions): Promise<string> {
  const path = join(dir, `${file}.crt`)
  const keyPath = join(dir, `${file}.key`)
  const key = (await readText(keyPath)) ?? (await createFile(keyPath, await exportKey((await generateKeys()).privateKey)))
  const present = await readText(path)
  if (present !== undefined && isDeepStrictEqual(namesOf(present), request.names)) {
    if (!isRenewalDue(present, { now, jitter }) && (await isSignedBy(present, authority))) return present
  }
  const certificate = await createCertificateFor(authority, { ...request, key }, { now, days })
  await replaceFile(path, certificate)
  return certificate
}

async function readNames(path: string): Promise<string[]> {
  const text = await readText(path)
  if (text === undefined)
    throw new Error(`Cannot find "${path}": it must hold the names of the etcd member, such as {"names": ["10.0.0.1"]}`)
  let names: unknown
  try {
    names = (JSON.parse(text) as { names?: unknown }).names
  } catch (cause) {
    throw new Error(`Cannot read "${path}": it is not JSON`, { cause })
  }
  if (Array.isArray(names) && names.every(name => typeof name === 'string')) return names
  throw new Error(`Cannot use "${path}": found names ${JSON.stringify(names)}, wanted a list of host names and addresses`)
}
