/** What this node cannot or may not run for good: such a pod fails before anything of it starts. Pure. */
import type { Pod } from '@davit/api'

export interface AdmissionFacts {
  /** Names and `prefix*` patterns the operator allows besides the safe ones. */
  readonly allowedUnsafeSysctls: readonly string[]
  readonly hasAppArmor: boolean
}

export interface Refusal {
  reason: string
  message: string
}

/** Stands before the message of a pod that its node refused. */
export const REFUSED = 'Pod was rejected: '

/** Sysctls that belong to the pod's own namespaces and do its neighbours no harm, as Kubernetes lists them. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])
const IPC_SYSCTLS = /^(kernel\.(sem|shm|msg)|fs\.mqueue\.)/
const NET_SYSCTLS = /^net\./

/** Why the pod may not run here; undefined when it may. */
export function refusalOf(pod: Pod, facts: AdmissionFacts): Refusal | undefined {
  return refusedSysctl(pod, facts) ?? refusedProfile(pod, facts)
}

/** `net/ipv4/x` and `net.ipv4.x` are one. With slashes, dots belong to a name such as that of an interface. */
export function sysctlName(name: string): string {
  const slash = name.indexOf('/')
  const dot = name.indexOf('.')
  if (slash === -1 || (dot !== -1 && dot < slash)) return name
  return name.replaceAll(/[./]/g, found => (found === '/' ? '.' : '/'))
}

function refusedSysctl({ spec }: Pod, { allowedUnsafeSysctls }: AdmissionFacts): Refusal | undefined {
  for (const { name: written } of spec.securityContext?.sysctls ?? []) {
    const name = sysctlName(written)
    const refuse = (why: string): Refusal => ({ reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} ${why}` })
    if (spec.hostNetwork && NET_SYSCTLS.test(name)) return refuse('not allowed with host net enabled')
    if (spec.hostIPC && IPC_SYSCTLS.test(name)) return refuse('not allowed with host ipc enabled')
    const isAllowed = allowedUnsafeSysctls.some(allowed =>
      allowed.endsWith('*') ? name.startsWith(allowed.slice(0, -1)) : name === sysctlName(allowed),
    )
    if (!SAFE_SYSCTLS.has(name) && !isAllowed) return refuse('not allowlisted')
  }
  return undefined
}

function refusedProfile({ spec }: Pod, { hasAppArmor }: AdmissionFacts): Refusal | undefined {
  if (hasAppArmor) return undefined
  const contexts = [
    spec.securityContext,
    ...[...(spec.initContainers ?? []), ...spec.containers].map(({ securityContext }) => securityContext),
  ]
  const isAsked = contexts.some(context => context?.appArmorProfile && context.appArmorProfile.type !== 'Unconfined')
  return isAsked ? { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' } : undefined
}
