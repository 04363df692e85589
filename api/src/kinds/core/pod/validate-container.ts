/** Rules of single containers, in Kubernetes' words. */
import { validateAddress } from '../../../addresses.ts'
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue } from '../../../field-errors.ts'
import { isDnsLabel, isPortName, isPortNumber } from '../../../names.ts'
import type { FieldError } from '../../../status.ts'
import type { Container, ContainerPort, VolumeMount } from './container-types.ts'
import { isSidecar } from './resources.ts'
import type { PodSpec } from './types.ts'
import { validateEnv } from './validate-env.ts'
import { validateLifecycle, validateProbes } from './validate-probe.ts'
import { validateResizePolicy, validateResources } from './validate-resources.ts'
import { validateSecurityContext } from './validate-security.ts'
import { validateRelativePath } from './validate-volume.ts'
import type { Volume } from './volume-types.ts'

/** What a container's rules need to know of its pod. */
export interface PodContext {
  spec: PodSpec
  volumes: ReadonlyMap<string, Volume>
  /** Names of all containers seen so far, of any sort. */
  names: Set<string>
}

/** Rules of every sort of container. */
function validateContainer(container: Container, path: string, context: PodContext): FieldError[] {
  return [
    ...validateName(container.name, path, context.names),
    ...validateImage(container.image, path),
    ...validatePorts(container.ports ?? [], `${path}.ports`),
    ...validateEnv(container, path),
    ...validateVolumeMounts(container, path, context),
    ...validateVolumeDevices(container, path, context),
    ...validateResources(container.resources, `${path}.resources`, context.spec),
    ...validateResizePolicy(container.resizePolicy ?? [], `${path}.resizePolicy`, context.spec),
    ...validateSecurityContext(container.securityContext, `${path}.securityContext`),
    ...validateLifecycle(container.lifecycle, `${path}.lifecycle`, context.spec),
    ...validateProbes(container, path),
  ]
}

export function validateAppContainer(container: Container, path: string, context: PodContext): FieldError[] {
  const errors = validateContainer(container, path, context)
  if (container.restartPolicy) errors.push(forbiddenField(`${path}.restartPolicy`, 'may not be set for non-init containers'))
  return errors
}

export function validateInitContainer(container: Container, path: string, context: PodContext): FieldError[] {
  const errors = validateContainer(container, path, context)
  if (isSidecar(container)) return errors
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[field]) errors.push(forbiddenField(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'))
  }
  return errors
}

/** The fields an ephemeral container may have; the rest would need resources or promises its pod cannot give any more. */
const EPHEMERAL_FORBIDDEN = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resources',
  'resizePolicy',
  'restartPolicy',
] as const

export function validateEphemeralContainer(
  container: Container & { targetContainerName?: string },
  path: string,
  context: PodContext,
): FieldError[] {
  const errors = validateContainer(container, path, context)
  for (const field of EPHEMERAL_FORBIDDEN) {
    if (!isEmpty(container[field])) errors.push(forbiddenField(`${path}.${field}`, 'cannot be set for an Ephemeral Container'))
  }
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    for (const field of ['subPath', 'subPathExpr'] as const) {
      if (mount[field]) errors.push(forbiddenField(`${path}.volumeMounts[${i}].${field}`, 'cannot be set for an Ephemeral Container'))
    }
  }
  const target = container.targetContainerName
  const targets = [...(context.spec.containers ?? []), ...(context.spec.initContainers ?? [])]
  if (target && !targets.some(({ name }) => name === target)) {
    errors.push({ type: 'NotFound', field: `${path}.targetContainerName`, value: target })
  }
  return errors
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}

function validateName(name: string, path: string, names: Set<string>): FieldError[] {
  const field = `${path}.name`
  if (!name) return [requiredValue(field)]
  const errors = invalidIf(field, name, isDnsLabel(name))
  if (names.has(name)) errors.push(duplicateValue(field, name))
  names.add(name)
  return errors
}

function validateImage(image: string, path: string): FieldError[] {
  const field = `${path}.image`
  if (!image) return [requiredValue(field)]
  return image === image.trim() ? [] : [invalidValue(field, image, 'must not have leading or trailing whitespace')]
}

function validatePorts(ports: readonly ContainerPort[], path: string): FieldError[] {
  const names = new Set<string>()
  return ports.flatMap((port, i) => validatePort(port, `${path}[${i}]`, names))
}

function validatePort(port: ContainerPort, path: string, names: Set<string>): FieldError[] {
  const errors: FieldError[] = []
  if (port.name) {
    const wrong = isPortName(port.name)
    if (wrong) errors.push(invalidValue(`${path}.name`, port.name, wrong))
    else if (names.has(port.name)) errors.push(duplicateValue(`${path}.name`, port.name))
    names.add(port.name)
  }
  if (!port.containerPort) errors.push(requiredValue(`${path}.containerPort`))
  else errors.push(...invalidIf(`${path}.containerPort`, port.containerPort, isPortNumber(port.containerPort)))
  if (port.hostPort) errors.push(...invalidIf(`${path}.hostPort`, port.hostPort, isPortNumber(port.hostPort)))
  if (port.hostIP) errors.push(...validateAddress(`${path}.hostIP`, port.hostIP))
  return errors
}

function validateVolumeMounts(container: Container, path: string, { volumes }: PodContext): FieldError[] {
  const mountPaths = new Set<string>()
  const devicePaths = new Set((container.volumeDevices ?? []).map(({ devicePath }) => devicePath))
  const deviceNames = new Set((container.volumeDevices ?? []).map(({ name }) => name))
  return (container.volumeMounts ?? []).flatMap((mount, i) => {
    const at = `${path}.volumeMounts[${i}]`
    const errors: FieldError[] = []
    if (!mount.name) errors.push(requiredValue(`${at}.name`))
    else if (!volumes.has(mount.name)) errors.push({ type: 'NotFound', field: `${at}.name`, value: mount.name })
    if (!mount.mountPath) errors.push(requiredValue(`${at}.mountPath`))
    else if (mountPaths.has(mount.mountPath)) errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique'))
    mountPaths.add(mount.mountPath)
    if (deviceNames.has(mount.name)) errors.push(invalidValue(`${at}.name`, mount.name, 'must not already exist in volumeDevices'))
    if (devicePaths.has(mount.mountPath)) {
      errors.push(invalidValue(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'))
    }
    return [...errors, ...validateMountOptions(mount, at, container)]
  })
}

function validateMountOptions(mount: VolumeMount, path: string, container: Container): FieldError[] {
  const errors: FieldError[] = []
  if (mount.subPath) errors.push(...validateRelativePath(`${path}.subPath`, mount.subPath))
  if (mount.subPathExpr) {
    if (mount.subPath) errors.push(invalidValue(`${path}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
    errors.push(...validateRelativePath(`${path}.subPathExpr`, mount.subPathExpr))
  }
  if (mount.mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
    errors.push(forbiddenField(`${path}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'))
  }
  if (mount.recursiveReadOnly === 'Enabled' || mount.recursiveReadOnly === 'IfPossible') {
    const field = `${path}.recursiveReadOnly`
    if (!mount.readOnly) errors.push(forbiddenField(field, 'may only be specified when readOnly is true'))
    if (mount.mountPropagation && mount.mountPropagation !== 'None') {
      errors.push(forbiddenField(field, 'may only be specified when mountPropagation is None or not specified'))
    }
  }
  return errors
}

function validateVolumeDevices(container: Container, path: string, { volumes }: PodContext): FieldError[] {
  const seen = { name: new Set<string>(), devicePath: new Set<string>() }
  return (container.volumeDevices ?? []).flatMap((device, i) => {
    const at = `${path}.volumeDevices[${i}]`
    const errors: FieldError[] = []
    for (const field of ['name', 'devicePath'] as const) {
      const value = device[field]
      if (!value) errors.push(requiredValue(`${at}.${field}`))
      else if (seen[field].has(value)) errors.push(invalidValue(`${at}.${field}`, value, 'must be unique'))
      seen[field].add(value)
    }
    const volume = volumes.get(device.name)
    if (device.name && !volume) errors.push({ type: 'NotFound', field: `${at}.name`, value: device.name })
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      errors.push(
        invalidValue(`${at}.name`, device.name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'),
      )
    }
    if (device.devicePath) errors.push(...validateNoBacksteps(`${at}.devicePath`, device.devicePath))
    return errors
  })
}

function validateNoBacksteps(field: string, path: string): FieldError[] {
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : []
}
