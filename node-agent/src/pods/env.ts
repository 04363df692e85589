/** A container's environment, and $(VAR) in its command line. Pure once the objects are at hand. */
import { type ConfigMap, type Container, type EnvVar, isEnvVarName, type Pod, type Secret, type Service } from '@davit/api'
import { type DownwardContext, fieldValue, resourceValue } from '../volumes/index.ts'

/** Something the container needs is missing or wrong: it waits with `CreateContainerConfigError` and this message. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

export interface EnvContext {
  readonly downward: DownwardContext
  /** Objects named by the container that exist. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>
  readonly secrets: ReadonlyMap<string, Secret>
  /** Services of the pod's namespace and `default/kubernetes`. */
  readonly services: readonly Service[]
}

/** Names of ConfigMaps and Secrets the container's environment takes from. */
export function envSources({ env = [], envFrom = [] }: Container): { configMaps: string[]; secrets: string[] } {
  const configMaps = [
    ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
  ]
  const secrets = [...envFrom.map(({ secretRef }) => secretRef?.name), ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)]
  const distinct = (names: readonly (string | undefined)[]) => [...new Set(names.filter(name => name !== undefined))]
  return { configMaps: distinct(configMaps), secrets: distinct(secrets) }
}

/** All variables in Kubernetes' order of precedence; throws a ConfigError when a reference cannot be resolved. */
export function containerEnv(pod: Pod, container: Container, context: EnvContext): Map<string, string> {
  const services = serviceVariables(pod, context.services)
  const env = new Map<string, string>()
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const found = context.configMaps.get(configMapRef.name ?? '')
      if (!found && !configMapRef.optional) throw new ConfigError(`configmap "${configMapRef.name}" not found`)
      addAll(env, prefix, found?.data ?? {})
    }
    if (secretRef) {
      const found = context.secrets.get(secretRef.name ?? '')
      if (!found && !secretRef.optional) throw new ConfigError(`secret "${secretRef.name}" not found`)
      addAll(env, prefix, decoded(found))
    }
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, { pod, container, context, lookup: name => env.get(name) ?? services.get(name) })
    if (value !== undefined) env.set(variable.name, value)
  }
  // Variables of Services never hide what the manifest says.
  for (const [name, value] of services) if (!env.has(name)) env.set(name, value)
  return env
}

function addAll(env: Map<string, string>, prefix: string, data: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(data)) if (isEnvVarName(prefix + key) === undefined) env.set(prefix + key, value)
}

function decoded(secret: Secret | undefined): Record<string, string> {
  const entries = Object.entries(secret?.data ?? {})
  return Object.fromEntries(entries.map(([key, base64]) => [key, Buffer.from(base64, 'base64').toString()]))
}

function variableValue(
  { value = '', valueFrom }: EnvVar,
  {
    pod,
    container,
    context,
    lookup,
  }: { pod: Pod; container: Container; context: EnvContext; lookup: (name: string) => string | undefined },
): string | undefined {
  if (!valueFrom) return expand(value, lookup)
  const namespace = pod.metadata.namespace
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom
  if (fieldRef) return fieldValue(pod, fieldRef, context.downward)
  if (resourceFieldRef) return resourceValue(pod, resourceFieldRef, { own: container, context: context.downward })
  if (configMapKeyRef) {
    const { name = '', key, optional = false } = configMapKeyRef
    const found = context.configMaps.get(name)
    if (found?.data?.[key] !== undefined || optional) return found?.data?.[key]
    throw new ConfigError(found ? `couldn't find key ${key} in ConfigMap ${namespace}/${name}` : `configmap "${name}" not found`)
  }
  if (secretKeyRef) {
    const { name = '', key, optional = false } = secretKeyRef
    const found = context.secrets.get(name)
    const data = decoded(found)
    if (data[key] !== undefined || optional) return data[key]
    throw new ConfigError(found ? `couldn't find key ${key} in Secret ${namespace}/${name}` : `secret "${name}" not found`)
  }
  return ''
}

/** Replaces $(NAME) by its value; $$ is a plain $, and what is not known stays as written. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) => (name === undefined ? '$' : (lookup(name) ?? whole)))
}

/** `{NAME}_SERVICE_HOST` and the like. The API's own Service is always there, others when the pod asks for links. */
function serviceVariables({ metadata, spec }: Pod, services: readonly Service[]): Map<string, string> {
  const env = new Map<string, string>()
  for (const service of services) {
    const isApi = service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes'
    const linked = (spec.enableServiceLinks ?? true) && service.metadata.namespace === metadata.namespace
    const { clusterIP, ports = [] } = service.spec
    if ((!isApi && !linked) || !clusterIP || clusterIP === 'None' || ports.length === 0) continue
    const name = (service.metadata.name ?? '').toUpperCase().replaceAll('-', '_')
    env.set(`${name}_SERVICE_HOST`, clusterIP)
    env.set(`${name}_SERVICE_PORT`, String(ports[0]?.port))
    for (const port of ports)
      if (port.name) env.set(`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port))
    const [first] = ports
    if (first) env.set(`${name}_PORT`, `${(first.protocol ?? 'TCP').toLowerCase()}://${clusterIP}:${first.port}`)
    for (const { port, protocol = 'TCP' } of ports) {
      const base = `${name}_PORT_${port}_${protocol}`
      env.set(base, `${protocol.toLowerCase()}://${clusterIP}:${port}`)
      env.set(`${base}_PROTO`, protocol.toLowerCase())
      env.set(`${base}_PORT`, String(port))
      env.set(`${base}_ADDR`, clusterIP)
    }
  }
  return env
}
