/** `control-plane join-etcd`: run before a replaced etcd member first starts; has the others expect it in the place of the lost one. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '@davit/api'
import { readAuthority, readKeyPair } from '@davit/api/pki'
import { pino } from 'pino'
import { replaceMember } from './storage/index.ts'

const DEADLINE_MS = 60_000

/** `--name --peer-url --initial-cluster NAME=URL,NAME=URL --etcd URL,URL --pki-dir --etcd-data-dir`. Does nothing where the member has data already. */
export async function joinEtcd(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const
  const options = { name: text, 'peer-url': text, 'initial-cluster': text, etcd: text, 'pki-dir': text, 'etcd-data-dir': text }
  const { values } = parseArgs({ args: [...args], options })
  const given = (flag: keyof typeof options): string => {
    const value = values[flag]
    if (!value) throw new Error(`--${flag} is missing`)
    return value
  }
  const cluster = new Map(
    given('initial-cluster')
      .split(',')
      .map(text => text.split('=') as [string, string]),
  )
  const member = { name: given('name'), peerUrl: given('peer-url'), cluster }
  if (await hasData(given('etcd-data-dir'))) return
  const etcd = { urls: given('etcd').split(','), ...(await readCredentials(given('pki-dir'))) }
  try {
    await replaceMember(member, { etcd, clock: systemClock, log: pino({ base: null }), signal: AbortSignal.timeout(DEADLINE_MS) })
  } catch (cause) {
    const why = (cause as Error).message
    throw new Error(
      `Cannot make etcd member "${member.name}" known to ${etcd.urls.join(', ')} within ${DEADLINE_MS / 1000} s: ${why}\n` +
        'More than half of the members must live. If they do not: davit recover --help',
      { cause },
    )
  }
}

async function readCredentials(pkiDir: string): Promise<{ certificateAuthority: string; certificate: string; key: string }> {
  const caPath = join(pkiDir, 'etcd-ca.pem')
  const clientPath = join(pkiDir, 'etcd-client.pem')
  const { bundle } = readAuthority(await readFile(caPath, 'utf8'), caPath)
  return { certificateAuthority: bundle, ...readKeyPair(await readFile(clientPath, 'utf8'), clientPath) }
}

async function hasData(dataDir: string): Promise<boolean> {
  try {
    return (await readdir(join(dataDir, 'member'))).length > 0
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw err
  }
}
