/** What recovering would cost, in words; pure. */
import type { BackupManifest } from '@davit/api/backup'
import { type ClusterConfig, etcdOf, machinesOf } from '@davit/deploy'

/** What a member says of itself; it can while it runs, also without quorum. */
export interface MemberStatus {
  /** The revision it has applied. */
  readonly revision: number
  readonly raftIndex: number
  readonly raftTerm: number
}

export interface RecoveryFacts {
  readonly member: string
  /** All members' names. */
  readonly members: readonly string[]
  /** Undefined when it does not run. */
  readonly status: MemberStatus | undefined
  /** Recover from this archive instead of the member's own data. */
  readonly archive?: Pick<BackupManifest, 'created' | 'etcd'> | undefined
}

/** What is about to happen and what may be lost, a line each. */
export function describeRecovery({ member, members, status, archive }: RecoveryFacts): string[] {
  const others = members.filter(name => name !== member)
  const steps = archive
    ? [`etcd member ${member} starts anew from the archive of ${archive.created}, etcd at revision ${archive.etcd.revision}.`]
    : [`etcd member ${member} becomes the only member of its cluster, with the data it has.`]
  if (others.length > 0)
    steps.push(
      `The members ${others.join(', ')} are no longer part of it: what they hold and this one does not is lost, and they must not run again with it.`,
    )
  return [...steps, ...losses({ status, archive }), 'The present data is copied first.']
}

function losses({ status, archive }: Pick<RecoveryFacts, 'status' | 'archive'>): string[] {
  if (archive) {
    const known = status ? ` This member has revision ${status.revision}: ${behind(status.revision - archive.etcd.revision)}` : ''
    return [`LOST: every change since ${archive.created}.${known}`]
  }
  if (!status)
    return [
      `It does not run, so its revision is not known before it has started. LOST: what was written in its last moments, or after it stopped.`,
    ]
  // Whether it led the others cannot be told any more: without a quorum nobody leads.
  return [
    `It stands at revision ${status.revision} (raft term ${status.raftTerm}, index ${status.raftIndex}). MAY BE LOST: changes acknowledged in the last moments before the others were lost that had not reached it; none if it led them.`,
  ]
}

function behind(revisions: number): string {
  return revisions > 0
    ? `about ${revisions} changes would be lost; without --from-backup they are kept.`
    : 'that is not newer than the archive.'
}

/** How the members of a cluster that were lost join it again. What is left of their data goes first: it is that of the cluster before. */
export function describeReturn(dir: string, config: ClusterConfig, lost: readonly string[]): string {
  if (lost.length === 0) return ''
  const machines = machinesOf(config)
  const isShared = machines.length === 1
  const volumes = machines
    .flatMap(({ members }) => members)
    .flatMap(member => (lost.includes(member.name) ? etcdOf(config, member).volume.name : []))
  const clear = isShared
    ? [`docker compose rm --force && docker volume rm --force ${volumes.join(' ')}      once, on the machine`]
    : ['docker compose down --volumes      on the machine of each that is still there']
  const anew = lost.map(name => `davit init ${dir} --replace ${name}      and then what it prints`)
  return (
    'One member is left: were its machine lost, the cluster would be. Have the others join again, each once the one before is healthy:\n' +
    [...clear, ...anew].map(line => `  ${line}\n`).join('')
  )
}
