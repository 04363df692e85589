/** Puts a new etcd member in the place of one that was lost, on behalf of the member that is about to start. */
import type { Clock, Logger } from '@davit/api'
import { Etcd3, type IMember } from 'etcd3'
import type { EtcdOptions } from './members.ts'

export interface NewMember {
  readonly name: string
  /** At which the other members reach it. */
  readonly peerUrl: string
  /** Peer URLs, by name, of all members that it will know when it starts: etcd ends at once where there are others. */
  readonly cluster: ReadonlyMap<string, string>
}

export type MembershipAction = { kind: 'remove'; id: string } | { kind: 'add' }

/**
 * What is to be done so that a member without data may start; nothing when it is expected already. Throws while the members are not those
 * it will look for: added then, it would not start, and might be the one that a quorum wants.
 */
export function planJoin(
  { name, peerUrl, cluster }: NewMember,
  members: readonly Pick<IMember, 'ID' | 'name' | 'peerURLs'>[],
): MembershipAction[] {
  const missing = [...cluster].filter(([other, url]) => other !== name && !members.some(({ peerURLs }) => peerURLs.includes(url)))
  if (missing.length > 0) throw new Error(`${missing.map(([other]) => other).join(', ')} must have joined before`)
  // A member that was added and has not started yet has no name.
  const isExpected = members.some(member => member.name === '' && member.peerURLs.includes(peerUrl))
  const lost = members.filter(member => member.name === name || (member.name !== '' && member.peerURLs.includes(peerUrl)))
  const removals = lost.map(({ ID }): MembershipAction => ({ kind: 'remove', id: ID }))
  return isExpected ? removals : [...removals, { kind: 'add' }]
}

export interface JoinOptions {
  /** Of the members that live. */
  readonly etcd: EtcdOptions
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const CALL_TIMEOUT_MS = 5000
const RETRY_MS = { first: 500, max: 5000 }

/** Tries through each member in turn until `signal` aborts: members refuse changes while they are not well connected. */
export async function replaceMember(member: NewMember, { etcd, clock, log, signal }: JoinOptions): Promise<void> {
  let delayMs = RETRY_MS.first
  for (let attempt = 0; ; attempt++) {
    const url = etcd.urls[attempt % etcd.urls.length]!
    try {
      return await tryReplace(member, { ...etcd, urls: [url] }, log)
    } catch (err) {
      if (signal.aborted) throw err
      log.warn({ url, why: (err as Error).message }, 'etcd does not take the member yet')
    }
    await clock.sleep(delayMs * (0.75 + Math.random() / 2), signal)
    delayMs = Math.min(delayMs * 2, RETRY_MS.max)
  }
}

async function tryReplace(member: NewMember, etcd: EtcdOptions, log: Logger): Promise<void> {
  const { certificateAuthority, certificate, key } = etcd
  const client = new Etcd3({
    hosts: [...etcd.urls],
    ...(certificateAuthority !== undefined && {
      credentials: {
        rootCertificate: Buffer.from(certificateAuthority),
        ...(certificate !== undefined && { certChain: Buffer.from(certificate) }),
        ...(key !== undefined && { privateKey: Buffer.from(key) }),
      },
    }),
  })
  const limit = () => ({ deadline: Date.now() + CALL_TIMEOUT_MS })
  try {
    const { members } = await client.cluster.memberList({}, limit())
    for (const action of planJoin(member, members)) {
      if (action.kind === 'remove') await client.cluster.memberRemove({ ID: action.id }, limit())
      else await client.cluster.memberAdd({ peerURLs: [member.peerUrl] }, limit())
      log.info({ ...action, ...member }, 'Changed the members of etcd')
    }
  } finally {
    client.close()
  }
}
