/** Rules of security contexts, in Kubernetes' words. */
import { duplicateValue, invalidValue, requiredValue } from '../../../field-errors.ts'
import type { FieldError } from '../../../status.ts'
import type { PodSecurityContext, SeccompProfile, SecurityContext } from './security-types.ts'
import type { PodSpec } from './types.ts'

const ID_MAX = 2 ** 31 - 1
const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const SYSCTL = `(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}`
const SYSCTL_PATTERN = new RegExp(`^${SYSCTL}$`)
const SYSCTL_LENGTH_MAX = 253

export function validatePodSecurityContext(spec: PodSpec, path: string): FieldError[] {
  const context: PodSecurityContext = spec.securityContext ?? {}
  const errors: FieldError[] = []
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup'] as const)
    errors.push(...validateId(context[field], `${path}.securityContext.${field}`))
  for (const [i, group] of (context.supplementalGroups ?? []).entries()) {
    errors.push(...validateId(group, `${path}.securityContext.supplementalGroups[${i}]`))
  }
  errors.push(...validateSysctls(context.sysctls ?? [], `${path}.securityContext.sysctls`))
  errors.push(...validateProfiles(context, `${path}.securityContext`))
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(invalidValue(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'))
  }
  return errors
}

export function validateSecurityContext(context: SecurityContext | undefined, path: string): FieldError[] {
  if (!context) return []
  const errors = [
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
    ...validateProfiles(context, path),
  ]
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      errors.push(invalidValue(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'))
    }
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      errors.push(invalidValue(path, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'))
    }
  }
  return errors
}

function validateId(id: number | undefined, field: string): FieldError[] {
  if (id === undefined || (id >= 0 && id <= ID_MAX)) return []
  return [invalidValue(field, id, `must be between 0 and ${ID_MAX}, inclusive`)]
}

function validateProfiles(
  { seccompProfile, appArmorProfile }: Pick<SecurityContext, 'seccompProfile' | 'appArmorProfile'>,
  path: string,
): FieldError[] {
  return [
    ...validateProfile(seccompProfile, 'seccomp', `${path}.seccompProfile`),
    ...validateProfile(appArmorProfile, 'AppArmor', `${path}.appArmorProfile`),
  ]
}

function validateProfile(profile: SeccompProfile | undefined, what: string, path: string): FieldError[] {
  if (!profile) return []
  const field = `${path}.localhostProfile`
  if (profile.type !== 'Localhost') {
    if (profile.localhostProfile === undefined) return []
    return [invalidValue(field, profile.localhostProfile, `can only be set when ${what} type is Localhost`)]
  }
  return profile.localhostProfile ? [] : [requiredValue(field, `must be set when ${what} type is Localhost`)]
}

function validateSysctls(sysctls: readonly { name: string }[], path: string): FieldError[] {
  const seen = new Set<string>()
  return sysctls.flatMap(({ name }, i) => {
    const field = `${path}[${i}].name`
    if (!name) return [requiredValue(field)]
    if (name.length > SYSCTL_LENGTH_MAX || !SYSCTL_PATTERN.test(name)) {
      return [invalidValue(field, name, `must have at most ${SYSCTL_LENGTH_MAX} characters and match regex ^${SYSCTL}$`)]
    }
    if (seen.has(name)) return [duplicateValue(field, name)]
    seen.add(name)
    return []
  })
}
