/** Rules of a pod's spec that no schema can say, in Kubernetes' words. */
import {
  duplicateValue,
  forbiddenField,
  invalidIf,
  invalidValue,
  nonNegative,
  requiredValue,
  unsupportedValue,
} from '../../../field-errors.ts'
import { isDnsSubdomain, isQualifiedName } from '../../../names.ts'
import { validateLabels } from '../../../selectors/validate.ts'
import type { FieldError } from '../../../status.ts'
import type { Container } from './container-types.ts'
import { isSidecar } from './resources.ts'
import type { Pod, PodSpec } from './types.ts'
import { type PodContext, validateAppContainer, validateEphemeralContainer, validateInitContainer } from './validate-container.ts'
import { validateNames } from './validate-dns.ts'
import { validateResourceList } from './validate-resources.ts'
import { validateAffinity, validateTolerations, validateTopologySpread } from './validate-scheduling.ts'
import { validatePodSecurityContext } from './validate-security.ts'
import { validateVolumes } from './validate-volume.ts'

const DEADLINE_SECONDS_MAX = 2 ** 31 - 1

/** Rules of a whole Pod. Defaults are applied. */
export function validatePod({ spec }: Pod): FieldError[] {
  const errors = validatePodSpec(spec, 'spec')
  if (spec.hostNetwork) errors.push(...validateHostNetworkPorts(spec))
  return errors
}

/** Rules of a spec at `path`: that of a pod, or of a template. Defaults are applied. */
export function validatePodSpec(spec: PodSpec, path: string): FieldError[] {
  return [
    ...validateVolumes(spec.volumes ?? [], `${path}.volumes`),
    ...validateContainers(spec, path),
    ...nonNegative(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...validateNames(spec, path),
    ...validateObjectNames(spec, path),
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...validatePodSecurityContext(spec, path),
    ...validateAffinity(spec.affinity, `${path}.affinity`),
    ...validateTolerations(spec.tolerations ?? [], `${path}.tolerations`),
    ...validateTopologySpread(spec.topologySpreadConstraints ?? [], `${path}.topologySpreadConstraints`),
    ...validateGates(spec, path),
    ...validateDeadline(spec.activeDeadlineSeconds, `${path}.activeDeadlineSeconds`),
    ...validateResourceList(spec.overhead ?? {}, `${path}.overhead`),
    ...validateClaims(spec, `${path}.resourceClaims`),
    ...validateOs(spec, `${path}.os.name`),
  ]
}

function validateContainers(spec: PodSpec, path: string): FieldError[] {
  const context: PodContext = { spec, volumes: new Map((spec.volumes ?? []).map(volume => [volume.name, volume])), names: new Set() }
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec
  return [
    ...(containers.length === 0 ? [requiredValue(`${path}.containers`)] : []),
    ...containers.flatMap((container, i) => validateAppContainer(container, `${path}.containers[${i}]`, context)),
    ...initContainers.flatMap((container, i) => validateInitContainer(container, `${path}.initContainers[${i}]`, context)),
    ...ephemeralContainers.flatMap((container, i) => validateEphemeralContainer(container, `${path}.ephemeralContainers[${i}]`, context)),
    ...validateHostPortConflicts(spec, path),
  ]
}

/** Containers that run side by side cannot have the same port of the node. */
function validateHostPortConflicts(spec: PodSpec, path: string): FieldError[] {
  const taken = new Set<string>()
  const errors: FieldError[] = []
  const check = (containers: readonly Container[], at: string) => {
    for (const [i, container] of containers.entries()) {
      for (const [j, { hostPort, hostIP = '', protocol }] of (container.ports ?? []).entries()) {
        if (!hostPort) continue
        const text = `${protocol}/${hostIP}/${hostPort}`
        if (taken.has(text)) errors.push(duplicateValue(`${at}[${i}].ports[${j}].hostPort`, text))
        taken.add(text)
      }
    }
  }
  check(spec.containers ?? [], `${path}.containers`)
  check(
    (spec.initContainers ?? []).map(container => (isSidecar(container) ? container : { ...container, ports: [] })),
    `${path}.initContainers`,
  )
  return errors
}

function validateHostNetworkPorts(spec: PodSpec): FieldError[] {
  return (['containers', 'initContainers'] as const).flatMap(kind =>
    (spec[kind] ?? []).flatMap((container, i) =>
      (container.ports ?? []).flatMap(({ hostPort, containerPort }, j) => {
        if (hostPort === containerPort) return []
        const field = `spec.${kind}[${i}].ports[${j}].hostPort`
        return [invalidValue(field, hostPort ?? 0, 'must match `containerPort` when `hostNetwork` is true')]
      }),
    ),
  )
}

function validateObjectNames(spec: PodSpec, path: string): FieldError[] {
  return (['nodeName', 'serviceAccountName', 'priorityClassName', 'runtimeClassName'] as const).flatMap(name => {
    const value = spec[name]
    return value ? invalidIf(`${path}.${name}`, value, isDnsSubdomain(value)) : []
  })
}

function validateGates(spec: PodSpec, path: string): FieldError[] {
  const errors = (spec.readinessGates ?? []).flatMap(({ conditionType = '' }, i) =>
    invalidIf(`${path}.readinessGates[${i}].conditionType`, conditionType, isQualifiedName(conditionType)),
  )
  const seen = new Set<string>()
  for (const [i, { name = '' }] of (spec.schedulingGates ?? []).entries()) {
    const at = `${path}.schedulingGates[${i}]`
    errors.push(...invalidIf(at, name, isQualifiedName(name)))
    if (seen.has(name)) errors.push(duplicateValue(at, name))
    seen.add(name)
  }
  if (spec.schedulingGates?.length && spec.nodeName) {
    errors.push(forbiddenField(`${path}.nodeName`, 'cannot be set until all schedulingGates have been cleared'))
  }
  return errors
}

function validateDeadline(seconds: number | undefined, field: string): FieldError[] {
  if (seconds === undefined || (seconds >= 1 && seconds <= DEADLINE_SECONDS_MAX)) return []
  return [invalidValue(field, seconds, `must be between 1 and ${DEADLINE_SECONDS_MAX}, inclusive`)]
}

function validateClaims(spec: PodSpec, path: string): FieldError[] {
  const seen = new Set<string>()
  return (spec.resourceClaims ?? []).flatMap((claim, i) => {
    const at = `${path}[${i}]`
    if (!claim.name) return [requiredValue(`${at}.name`)]
    const errors = seen.has(claim.name) ? [duplicateValue(`${at}.name`, claim.name)] : []
    seen.add(claim.name)
    const sources = [claim.resourceClaimName, claim.resourceClaimTemplateName].filter(Boolean).length
    const which = '`resourceClaimName`, `resourceClaimTemplateName`'
    if (sources === 0) errors.push(invalidValue(at, claim, `must specify one of: ${which}`))
    if (sources > 1) errors.push(invalidValue(at, claim, `at most one of ${which} may be specified`))
    return errors
  })
}

function validateOs({ os }: PodSpec, field: string): FieldError[] {
  if (!os) return []
  if (!os.name) return [requiredValue(field)]
  return ['linux', 'windows'].includes(os.name) ? [] : [unsupportedValue(field, os.name, ['linux', 'windows'])]
}
