/** Under whose rights a container's processes run, as Docker takes it. Pure. */
import type { Container, Pod, SecurityContext } from '@davit/api'
import type { HostConfig } from '../docker/index.ts'
import { ConfigError } from './env.ts'

/** `user`, `user:group` or undefined for the image's own. Throws a ConfigError where runAsNonRoot cannot be kept. */
export function userOf(pod: Pod, { name, securityContext = {} }: Container, imageUser: string): string | undefined {
  const shared = pod.spec.securityContext ?? {}
  const user = securityContext.runAsUser ?? shared.runAsUser
  const [own = '', ownGroup] = imageUser.split(':')
  // A group that is named keeps Docker from adding the groups that the image's /etc/group lists for the user.
  const strictGroup = shared.supplementalGroupsPolicy === 'Strict' ? (user === undefined ? (ownGroup ?? 0) : 0) : undefined
  const group = securityContext.runAsGroup ?? shared.runAsGroup ?? strictGroup
  if (securityContext.runAsNonRoot ?? shared.runAsNonRoot) {
    const text = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${name})`
    if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${text}`)
    if (user === undefined && (own === '' || own === '0' || own === 'root'))
      throw new ConfigError(`container has runAsNonRoot and image will run as root ${text}`)
    if (user === undefined && !/^\d+$/.test(own)) {
      throw new ConfigError(`container has runAsNonRoot and image has non-numeric user (${own}), cannot verify user is non-root ${text}`)
    }
  }
  if (user === undefined && group === undefined) return undefined
  const base = user === undefined ? own || '0' : String(user)
  return group === undefined ? base : `${base}:${group}`
}

export interface SecurityFacts {
  /** Text of the seccomp profile a `Localhost` profile names; throws when there is none. */
  readonly seccompProfile: (path: string) => string
  readonly hasAppArmor: boolean
}

/**
 * Rights, groups and profiles. Where nothing is said of seccomp Docker's own profile stays, which is also what `RuntimeDefault` means:
 * Kubernetes would run such containers unconfined, and being less strict than plain Docker would surprise its users.
 */
export function securityFields(pod: Pod, own: SecurityContext, node: SecurityFacts): Partial<HostConfig> {
  const shared = pod.spec.securityContext ?? {}
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])]
  const options = securityOptions(pod, own, node)
  const { add = [], drop = [] } = own.capabilities ?? {}
  return {
    ...(own.privileged && { Privileged: true }),
    ...(own.readOnlyRootFilesystem && { ReadonlyRootfs: true }),
    ...(add.length > 0 && { CapAdd: add.map(capability) }),
    ...(drop.length > 0 && { CapDrop: drop.map(capability) }),
    ...(groups.length > 0 && { GroupAdd: [...new Set(groups)].map(String) }),
    ...(options.length > 0 && { SecurityOpt: options }),
    ...(own.procMount === 'Unmasked' && { MaskedPaths: [], ReadonlyPaths: [] }),
  }
}

/** With or without `CAP_`, in either case, as people write them. */
function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '')
}

function securityOptions(pod: Pod, own: SecurityContext, node: SecurityFacts): string[] {
  const shared = pod.spec.securityContext ?? {}
  const options: string[] = []
  if (own.allowPrivilegeEscalation === false) options.push('no-new-privileges')
  const seccomp = own.seccompProfile ?? shared.seccompProfile
  if (seccomp?.type === 'Unconfined') options.push('seccomp=unconfined')
  if (seccomp?.type === 'Localhost') options.push(`seccomp=${localProfile(seccomp.localhostProfile ?? '', node)}`)
  const appArmor = own.appArmorProfile ?? shared.appArmorProfile
  if (node.hasAppArmor && appArmor?.type === 'Unconfined') options.push('apparmor=unconfined')
  if (node.hasAppArmor && appArmor?.type === 'Localhost') options.push(`apparmor=${appArmor.localhostProfile}`)
  for (const [name, value] of Object.entries(own.seLinuxOptions ?? shared.seLinuxOptions ?? {})) options.push(`label=${name}:${value}`)
  return options
}

function localProfile(path: string, { seccompProfile }: SecurityFacts): string {
  try {
    return seccompProfile(path)
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err)
    throw new ConfigError(`failed to load seccomp profile "${path}": ${why}`)
  }
}
