/** The client certificate for etcd, as files that this process or somebody else renews. */
import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Clock, Logger } from '@davit/api'
import { certificatesIn } from '@davit/api/pki'
import type { EtcdMembers } from './options.ts'
import type { EtcdCredentials, EtcdStorage } from './storage/index.ts'

const CHECK_MS = 5000

/** Rejects when a file cannot be read. */
export async function readEtcdCredentials({ certificateAuthority, certificate, key }: EtcdMembers): Promise<EtcdCredentials> {
  return {
    // Its key may stand beside it.
    ...(certificateAuthority && { certificateAuthority: certificatesIn(await readFile(certificateAuthority, 'utf8')).join('') }),
    ...(certificate && { certificate: await readFile(certificate, 'utf8') }),
    ...(key && { key: await readFile(key, 'utf8') }),
  }
}

/** Hands the files to storage whenever they have changed, until `signal` aborts. */
export async function followEtcdCredentials(
  etcd: EtcdMembers,
  present: EtcdCredentials,
  { storage, clock, log, signal }: { storage: EtcdStorage; clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  let used = present
  while (!signal.aborted) {
    await clock.sleep(CHECK_MS, signal).catch(() => {})
    try {
      const found = await readEtcdCredentials(etcd)
      // A certificate and its key in two files are replaced one after the other: what has stood still for a while fits together.
      const isSettled = isDeepStrictEqual(found, await clock.sleep(100, signal).then(() => readEtcdCredentials(etcd)))
      if (!isSettled || isDeepStrictEqual(found, used)) continue
      storage.renewCredentials(found)
      used = found
      log.info({}, 'Uses the renewed certificate for etcd')
    } catch (err) {
      if (!signal.aborted) log.error({ err }, 'Cannot read the certificate for etcd')
    }
  }
}
