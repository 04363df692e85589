import { isIP } from 'node:net'
import { validateAddress } from '../../addresses.ts'
import { invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { isDnsSubdomain, isPathSegment, isPortName, isPortNumber, isServiceName, isWildcardSubdomain } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import type { HttpIngressPath, Ingress, IngressBackend, IngressRule, IngressTls } from './ingress-types.ts'

/** Names the class in manifests older than `ingressClassName`; controllers still obey it. */
export const INGRESS_CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'] as const
const WRONG_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F']
const WRONG_ENDINGS = ['/..', '/.']

export function validateIngress({ spec = {} }: Ingress): FieldError[] {
  const { rules = [], tls = [], defaultBackend, ingressClassName } = spec
  const errors: FieldError[] = []
  if (rules.length === 0 && !defaultBackend) {
    errors.push(invalidValue('spec', spec.rules, 'either `defaultBackend` or `rules` must be specified'))
  }
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, 'spec.defaultBackend'))
  errors.push(...rules.flatMap((rule, i) => validateRule(rule, `spec.rules[${i}]`)))
  errors.push(...tls.flatMap((each, i) => validateTls(each, `spec.tls[${i}]`)))
  if (ingressClassName !== undefined) {
    errors.push(...invalidIf('spec.ingressClassName', ingressClassName, isDnsSubdomain(ingressClassName)))
  }
  return errors
}

export function validateNewIngress({ metadata, spec }: Ingress): FieldError[] {
  const annotated = metadata.annotations?.[INGRESS_CLASS_ANNOTATION]
  const name = spec?.ingressClassName
  if (annotated === undefined || name === undefined || annotated === name) return []
  return [invalidValue(`annotations.${INGRESS_CLASS_ANNOTATION}`, annotated, 'must match `ingressClassName` when both are specified')]
}

export function validateIngressStatus({ status }: Ingress): FieldError[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const path = `status.loadBalancer.ingress[${i}]`
    const errors = ip ? validateAddress(`${path}.ip`, ip) : []
    return hostname
      ? [...errors, ...invalidIf(`${path}.hostname`, hostname, isDnsSubdomain(hostname)), ...noAddress(`${path}.hostname`, hostname)]
      : errors
  })
}

function noAddress(path: string, host: string): FieldError[] {
  return isIP(host) ? [invalidValue(path, host, 'must be a DNS name, not an IP address')] : []
}

function validateHost(host: string, path: string): FieldError[] {
  return invalidIf(path, host, host.includes('*') ? isWildcardSubdomain(host) : isDnsSubdomain(host))
}

function validateTls({ hosts = [], secretName }: IngressTls, path: string): FieldError[] {
  const errors = hosts.flatMap((host, i) => validateHost(host, `${path}.hosts[${i}]`))
  return secretName ? [...errors, ...invalidIf(`${path}.secretName`, secretName, isDnsSubdomain(secretName))] : errors
}

function validateRule({ host, http }: IngressRule, path: string): FieldError[] {
  const errors = host ? [...noAddress(`${path}.host`, host), ...validateHost(host, `${path}.host`)] : []
  if (!http) return errors
  const paths = http.paths ?? []
  if (paths.length === 0) errors.push(requiredValue(`${path}.http.paths`))
  return [...errors, ...paths.flatMap((each, i) => validatePath(each, `${path}.http.paths[${i}]`))]
}

function validatePath({ path = '', pathType, backend }: HttpIngressPath, at: string): FieldError[] {
  if (!pathType) return [requiredValue(`${at}.pathType`, 'pathType must be specified')]
  const errors: FieldError[] = []
  const refuse = (why: string) => errors.push(invalidValue(`${at}.path`, path, why))
  if (!(PATH_TYPES as readonly string[]).includes(pathType)) errors.push(unsupportedValue(`${at}.pathType`, pathType, PATH_TYPES))
  else if (!path.startsWith('/') && (path || pathType !== 'ImplementationSpecific')) refuse('must be an absolute path')
  if (pathType === 'Exact' || pathType === 'Prefix') {
    for (const sequence of WRONG_SEQUENCES) if (path.includes(sequence)) refuse(`must not contain '${sequence}'`)
    for (const ending of WRONG_ENDINGS) if (path.endsWith(ending)) refuse(`cannot end with '${ending}'`)
  }
  return [...errors, ...validateBackend(backend ?? {}, `${at}.backend`)]
}

function validateBackend({ service, resource }: IngressBackend, path: string): FieldError[] {
  if (service && resource) return [invalidValue(path, '', 'cannot set both resource and service backends')]
  if (resource) return validateResource(resource, `${path}.resource`)
  if (!service) return [invalidValue(path, '', 'resource or service backend is required')]
  const { name, port: { name: portName, number } = {} } = service
  const errors = name ? invalidIf(`${path}.service.name`, name, isServiceName(name)) : [requiredValue(`${path}.service.name`)]
  if (portName && number) return [...errors, invalidValue(path, '', 'cannot set both port name & port number')]
  if (portName) return [...errors, ...invalidIf(`${path}.service.port.name`, portName, isPortName(portName))]
  if (number) return [...errors, ...invalidIf(`${path}.service.port.number`, number, isPortNumber(number))]
  return [...errors, requiredValue(path, 'port name or number is required')]
}

function validateResource({ apiGroup, kind, name }: NonNullable<IngressBackend['resource']>, path: string): FieldError[] {
  return [
    ...(apiGroup === undefined ? [] : invalidIf(`${path}.apiGroup`, apiGroup, isDnsSubdomain(apiGroup))),
    ...validateSegment(`${path}.kind`, kind),
    ...validateSegment(`${path}.name`, name),
  ]
}

/** A name that must be there and fit into a URL. */
export function validateSegment(path: string, value: string | undefined): FieldError[] {
  return value ? invalidIf(path, value, isPathSegment(value)) : [requiredValue(path)]
}
