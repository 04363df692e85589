/** Defaults and rules of Services. What needs the cluster (addresses, node ports) is the registry's. */
import { familyOf, validateAddress, validateNonSpecialAddress, validateRange } from '../../addresses.ts'
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue, tooMany, unsupportedValue } from '../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain, isPortName, isPortNumber, isQualifiedName } from '../../names.ts'
import { validateLabels } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import type { Service, ServicePort, ServiceSpec } from './service-types.ts'

const AFFINITY_SECONDS = 10_800
const AFFINITY_SECONDS_MAX = 86_400

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === 'None' || service.spec.clusterIPs?.[0] === 'None'
}

export function applyServiceDefaults(service: Service): void {
  // The schema says that it is missing.
  service.spec ??= {}
  const { spec } = service
  spec.type ??= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  else {
    spec.sessionAffinityConfig ??= {}
    spec.sessionAffinityConfig.clientIP ??= {}
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= AFFINITY_SECONDS
  }
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP'
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port
    // Zero asks for none, as when it is left out.
    if (port.nodePort === 0) delete port.nodePort
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ??= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
  if (spec.healthCheckNodePort === 0) delete spec.healthCheckNodePort
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP'
  if (spec.type !== 'ExternalName') applyAddressDefaults(spec)
}

function applyAddressDefaults(spec: ServiceSpec): void {
  spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
  else if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0]
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (!spec.ipFamilies?.length) spec.ipFamilies = [familyOf(spec.clusterIP ?? '') ?? 'IPv4']
}

/** Whether traffic from outside the cluster reaches it. */
export function isExternallyAccessible({ type, externalIPs }: ServiceSpec): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs?.length ?? 0) > 0)
}

export function validateService(service: Service): FieldError[] {
  const { spec } = service
  const errors: FieldError[] = []
  const headless = isHeadless(service)
  if (!spec.ports?.length && !headless && spec.type !== 'ExternalName') errors.push(requiredValue('spec.ports'))
  if (headless && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`))
  }
  if (spec.type === 'ExternalName') errors.push(...validateExternalName(spec))
  else errors.push(...validateAddresses(spec))
  errors.push(...validatePorts(spec), ...validateLabels(spec.selector, 'spec.selector'), ...validateAffinity(spec))
  for (const [i, address] of (spec.externalIPs ?? []).entries()) {
    const path = `spec.externalIPs[${i}]`
    const wrong = validateAddress(path, address)
    errors.push(...(wrong.length > 0 ? wrong : validateNonSpecialAddress(path, address)))
  }
  return [...errors, ...validateLoadBalancer(spec), ...validateTraffic(spec)]
}

/** The primary address stays for the life of a Service, but for a change from or to ExternalName. */
export function validateServiceUpdate({ spec }: Service, { spec: old }: Service): FieldError[] {
  const errors: FieldError[] = []
  if (spec.type !== 'ExternalName' && old.type !== 'ExternalName') {
    const before = old.clusterIPs ?? []
    const after = spec.clusterIPs ?? []
    if (before.length > 0 && after.length === 0) {
      errors.push(invalidValue('spec.clusterIPs[0]', after, 'primary clusterIP can not be unset'))
    } else if (before.length > 0 && before[0] !== after[0]) {
      errors.push(invalidValue('spec.clusterIPs[0]', after, 'may not change once set'))
    }
    const family = old.ipFamilies?.[0]
    if (family && before.length > 0 && spec.ipFamilies?.[0] && spec.ipFamilies[0] !== family) {
      errors.push(invalidValue('spec.ipFamilies[0]', spec.ipFamilies, 'may not change once set'))
    }
  }
  if (spec.type === 'LoadBalancer' && old.type === 'LoadBalancer' && spec.loadBalancerClass !== old.loadBalancerClass) {
    errors.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set'))
  }
  if (needsHealthCheck(spec) && needsHealthCheck(old) && old.healthCheckNodePort && spec.healthCheckNodePort !== old.healthCheckNodePort) {
    errors.push(forbiddenField('spec.healthCheckNodePort', 'field is immutable'))
  }
  return errors
}

function needsHealthCheck({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local'
}

function validateExternalName(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['clusterIPs', 'ipFamilies'] as const) {
    if (spec[field]?.length) errors.push(forbiddenField(`spec.${field}`, 'may not be set for ExternalName services'))
  }
  if (spec.ipFamilyPolicy) errors.push(forbiddenField('spec.ipFamilyPolicy', 'may not be set for ExternalName services'))
  // A trailing dot says that the name is complete.
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  if (!name) return [...errors, requiredValue('spec.externalName')]
  return [...errors, ...invalidIf('spec.externalName', name, isDnsSubdomain(name))]
}

function validateAddresses({ clusterIP, clusterIPs = [], ipFamilies = [] }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  if (clusterIP && clusterIPs[0] !== clusterIP) {
    errors.push(invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'))
  }
  if (clusterIPs.length > 2) errors.push(tooMany('spec.clusterIPs', clusterIPs.length, 2))
  clusterIPs.forEach((address, i) => {
    if (address !== 'None') errors.push(...validateAddress(`spec.clusterIPs[${i}]`, address))
    else if (clusterIPs.length > 1) errors.push(invalidValue('spec.clusterIPs', clusterIPs, "'None' must be the first and only value"))
    const family = familyOf(address)
    if (family && ipFamilies[i] && ipFamilies[i] !== family) {
      const why = `expected an ${ipFamilies[i]} value as indicated by \`ipFamilies[${i}]\``
      errors.push(invalidValue(`spec.clusterIPs[${i}]`, address, why))
    }
  })
  if (ipFamilies.length > 2) errors.push(tooMany('spec.ipFamilies', ipFamilies.length, 2))
  else if (ipFamilies[1] && ipFamilies[0] === ipFamilies[1]) errors.push(duplicateValue('spec.ipFamilies[1]', ipFamilies[1]))
  return errors
}

function validatePorts({ ports = [], type }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set<string>()
  const numbers = new Set<string>()
  const nodePorts = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const path = `spec.ports[${i}]`
    errors.push(...validatePort(port, path, ports.length > 1))
    if (port.name && names.has(port.name)) errors.push(duplicateValue(`${path}.name`, port.name))
    if (port.name) names.add(port.name)
    if (port.nodePort && type === 'ClusterIP') {
      errors.push(forbiddenField(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
    }
    const nodePort = `${port.protocol} ${port.nodePort}`
    if (port.nodePort && nodePorts.has(nodePort)) errors.push(duplicateValue(`${path}.nodePort`, port.nodePort))
    nodePorts.add(nodePort)
    const number = `${port.protocol} ${port.port}`
    if (numbers.has(number)) errors.push(duplicateValue(path, { port: port.port, protocol: port.protocol }))
    numbers.add(number)
  }
  return errors
}

function validatePort(port: ServicePort, path: string, needsName: boolean): FieldError[] {
  const errors: FieldError[] = []
  if (port.name) errors.push(...invalidIf(`${path}.name`, port.name, isDnsLabel(port.name)))
  else if (needsName) errors.push(requiredValue(`${path}.name`))
  if (port.port !== undefined) errors.push(...invalidIf(`${path}.port`, port.port, isPortNumber(port.port)))
  const target = port.targetPort
  if (typeof target === 'string') errors.push(...invalidIf(`${path}.targetPort`, target, isPortName(target)))
  else if (target !== undefined && target !== port.port) errors.push(...invalidIf(`${path}.targetPort`, target, isPortNumber(target)))
  if (port.appProtocol) errors.push(...invalidIf(`${path}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol)))
  return errors
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): FieldError[] {
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (sessionAffinity !== 'ClientIP' || seconds === undefined) return []
  if (seconds > 0 && seconds <= AFFINITY_SECONDS_MAX) return []
  const why = `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`
  return [invalidValue('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, why)]
}

function validateLoadBalancer(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  const only = "may only be used when `type` is 'LoadBalancer'"
  const isBalanced = spec.type === 'LoadBalancer'
  if (spec.loadBalancerSourceRanges?.length) {
    const path = 'spec.LoadBalancerSourceRanges'
    if (!isBalanced) errors.push(forbiddenField(path, only))
    for (const [i, range] of spec.loadBalancerSourceRanges.entries()) errors.push(...validateRange(`${path}[${i}]`, range.trim()))
  }
  if (!isBalanced && spec.allocateLoadBalancerNodePorts !== undefined) {
    errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', only))
  }
  if (spec.loadBalancerClass !== undefined) {
    if (!isBalanced) errors.push(forbiddenField('spec.loadBalancerClass', only))
    errors.push(...invalidIf('spec.loadBalancerClass', spec.loadBalancerClass, isQualifiedName(spec.loadBalancerClass)))
  }
  return errors
}

function validateTraffic(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  if (spec.externalTrafficPolicy && !isExternallyAccessible(spec)) {
    const why = 'may only be set for externally-accessible services'
    errors.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, why))
  }
  // Left out it is allocated after this check, so it is not asked for here.
  if (spec.healthCheckNodePort && !needsHealthCheck(spec)) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(invalidValue('spec.healthCheckNodePort', spec.healthCheckNodePort, why))
  } else if (spec.healthCheckNodePort) {
    errors.push(...invalidIf('spec.healthCheckNodePort', spec.healthCheckNodePort, isPortNumber(spec.healthCheckNodePort)))
  }
  if (spec.trafficDistribution && spec.trafficDistribution !== 'PreferClose') {
    errors.push(unsupportedValue('spec.trafficDistribution', spec.trafficDistribution, ['PreferClose']))
  }
  return errors
}
