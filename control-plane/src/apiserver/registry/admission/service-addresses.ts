import { type FieldError, invalid, isExternallyAccessible, type Kind, type Service, type ServicePort, tooMany } from '@davit/api'
import { isInRange } from '../allocation/address-range.ts'
import type { Pool } from '../allocation/pool.ts'
import type { Pools } from '../allocation/pools.ts'
import type { Admission, AdmissionRule, Extra } from './rule.ts'
import { release, take } from './taking.ts'

/** An update may give back and take as many, all in one transaction of etcd, which compares 128 keys at most. */
const NODE_PORTS_MAX = 60

/** Services get a cluster address and node ports, lowest free first, or the ones they ask for when nobody has them. */
export function serviceAddresses(pools: Pools): AdmissionRule {
  return {
    resources: ['services'],
    onUpdate: true,
    admit({ object, old }) {
      const service = object as Service
      if (old) {
        keepAllocated(service, old as Service)
        dropUnneeded(service, old as Service)
      }
      const { spec } = service
      if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
      if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0]
    },
    async allocate(admission, extra) {
      const { spec } = admission.object as Service
      const before = admission.old ? held(admission.old as Service) : NOTHING
      const allocate = new ServiceAllocation(pools, admission, extra)
      if (needsAddress(spec)) await allocate.address(before.addresses)
      if (needsNodePorts(spec)) await allocate.nodePorts(before.ports)
      if (needsHealthCheckPort(spec)) await allocate.healthCheckPort(before.ports)
      if (!admission.old) return
      const after = held(admission.object as Service)
      const { signal } = admission.context
      for (const value of before.addresses)
        if (!after.addresses.has(value)) await release(pools.services, value, admission.old, extra, signal)
      for (const value of before.ports) if (!after.ports.has(value)) await release(pools.ports, value, admission.old, extra, signal)
    },
    async release(object, extra, signal) {
      const { addresses, ports } = held(object as Service)
      for (const value of addresses) await release(pools.services, value, object, extra, signal)
      for (const value of ports) await release(pools.ports, value, object, extra, signal)
    },
  }
}

interface Held {
  addresses: Set<string>
  ports: Set<string>
}

const NOTHING: Held = { addresses: new Set(), ports: new Set() }

/** What a stored Service holds. */
function held({ spec }: Service): Held {
  const addresses = new Set<string>()
  if (needsAddress(spec) && spec.clusterIP && spec.clusterIP !== 'None') addresses.add(spec.clusterIP)
  const ports = new Set<string>()
  for (const { nodePort } of spec.ports ?? []) if (nodePort) ports.add(String(nodePort))
  if (spec.healthCheckNodePort) ports.add(String(spec.healthCheckNodePort))
  return { addresses, ports }
}

type ServiceSpec = Service['spec']

function needsAddress(spec: ServiceSpec): boolean {
  return spec.type !== 'ExternalName'
}

function mayHaveNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer'
}

function needsNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
}

function needsHealthCheckPort(spec: ServiceSpec): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
}

/** An update that leaves out what the cluster gave keeps it, as `kubectl replace` of a manifest does. */
function keepAllocated({ spec }: Service, { spec: old }: Service): void {
  if (needsAddress(old) && needsAddress(spec) && !spec.clusterIP && !spec.clusterIPs?.length) {
    if (old.clusterIP) spec.clusterIP = old.clusterIP
    if (old.clusterIPs) spec.clusterIPs = [...old.clusterIPs]
  }
  if (needsNodePorts(old) && needsNodePorts(spec)) {
    const asked = new Set(spec.ports?.map(port => port.nodePort))
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue
      const same = old.ports?.find(other => other.port === port.port && protocolOf(other) === protocolOf(port))
      if (same?.nodePort && !asked.has(same.nodePort)) port.nodePort = same.nodePort
    }
  }
  if (needsHealthCheckPort(old) && needsHealthCheckPort(spec) && !spec.healthCheckNodePort && old.healthCheckNodePort) {
    spec.healthCheckNodePort = old.healthCheckNodePort
  }
}

/** What belonged to the former type goes, unless the client changed it, which is then judged by validation. */
function dropUnneeded({ spec }: Service, { spec: old }: Service): void {
  const isLeft = !spec.clusterIP || spec.clusterIP === old.clusterIP
  if (needsAddress(old) && !needsAddress(spec) && isLeft) {
    delete spec.clusterIP
    delete spec.clusterIPs
    delete spec.ipFamilies
    delete spec.ipFamilyPolicy
  }
  if (mayHaveNodePorts(old) && !mayHaveNodePorts(spec)) {
    const former = new Set(old.ports?.map(port => port.nodePort))
    for (const port of spec.ports ?? []) if (former.has(port.nodePort)) delete port.nodePort
  }
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(spec) && spec.healthCheckNodePort === old.healthCheckNodePort) {
    delete spec.healthCheckNodePort
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy) {
    delete spec.externalTrafficPolicy
  }
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    delete spec.allocateLoadBalancerNodePorts
    if (spec.loadBalancerClass === old.loadBalancerClass) delete spec.loadBalancerClass
  }
}

class ServiceAllocation {
  readonly #pools: Pools
  readonly #service: Service
  readonly #kind: Kind
  readonly #signal: AbortSignal | undefined
  readonly #extra: Extra
  readonly #taken = new Set<string>()

  constructor(pools: Pools, { object, kind, context }: Admission, extra: Extra) {
    this.#pools = pools
    this.#service = object as Service
    this.#kind = kind
    this.#signal = context.signal
    this.#extra = extra
  }

  async address(before: ReadonlySet<string>): Promise<void> {
    const { spec } = this.#service
    if (spec.clusterIP === 'None') return
    spec.ipFamilies ??= ['IPv4']
    spec.ipFamilyPolicy ??= 'SingleStack'
    const pool = this.#pools.services
    if (spec.clusterIP) {
      if (before.has(spec.clusterIP)) return
      const { serviceRange, serviceCidr } = this.#pools
      const refuse = (why: string) => this.#refuse('spec.clusterIPs[0]', spec.clusterIP, `failed to allocate IP ${spec.clusterIP}: ${why}`)
      if (!isInRange(serviceRange, spec.clusterIP)) {
        throw refuse(`the provided IP (${spec.clusterIP}) is not in the valid range. The range of valid IPs is ${serviceCidr}`)
      }
      if (await this.#isHeldByOther(pool, spec.clusterIP)) throw refuse('provided IP is already allocated')
      return take(pool, spec.clusterIP, this.#service, this.#extra)
    }
    const address = await pool.reserve(this.#signal)
    if (address === undefined) throw this.#refuse('spec.clusterIPs', [], `failed to allocate IP: range ${this.#pools.serviceCidr} is full`)
    take(pool, address, this.#service, this.#extra)
    spec.clusterIP = address
    spec.clusterIPs = [address]
  }

  async nodePorts(before: ReadonlySet<string>): Promise<void> {
    const ports = this.#service.spec.ports ?? []
    if (ports.length > NODE_PORTS_MAX)
      throw invalid(this.#kind, this.#service.metadata.name ?? '', [tooMany('spec.ports', ports.length, NODE_PORTS_MAX)])
    for (const [index, port] of ports.entries()) {
      if (port.nodePort) await this.#givenPort(`spec.ports[${index}].nodePort`, port.nodePort, before)
    }
    for (const port of ports) {
      if (port.nodePort) continue
      // One number serves the same port over TCP and UDP, as for DNS.
      const twin = ports.find(other => other.nodePort && other.port === port.port && canShare(ports, other, port))
      port.nodePort = twin?.nodePort ?? Number(await this.#freePort())
    }
  }

  async healthCheckPort(before: ReadonlySet<string>): Promise<void> {
    const { spec } = this.#service
    if (spec.healthCheckNodePort) await this.#givenPort('spec.healthCheckNodePort', spec.healthCheckNodePort, before)
    else spec.healthCheckNodePort = Number(await this.#freePort())
  }

  async #givenPort(field: string, port: number, before: ReadonlySet<string>): Promise<void> {
    const value = String(port)
    if (before.has(value) || this.#taken.has(value)) return
    const [min, max] = this.#pools.nodePorts
    if (port < min || port > max) {
      throw this.#refuse(field, port, `provided port is not in the valid range. The range of valid ports is ${min}-${max}`)
    }
    if (await this.#isHeldByOther(this.#pools.ports, value)) throw this.#refuse(field, port, 'provided port is already allocated')
    this.#taken.add(value)
    take(this.#pools.ports, value, this.#service, this.#extra)
  }

  async #freePort(): Promise<string> {
    const value = await this.#pools.ports.reserve(this.#signal)
    if (value === undefined)
      throw this.#refuse('spec.ports', 0, `failed to allocate a nodePort: range ${this.#pools.nodePorts.join('-')} is full`)
    this.#taken.add(value)
    take(this.#pools.ports, value, this.#service, this.#extra)
    return value
  }

  async #isHeldByOther(pool: Pool, value: string): Promise<boolean> {
    return (await pool.ownerOf(value, this.#signal)) !== undefined
  }

  #refuse(field: string, value: unknown, detail: string): Error {
    const error: FieldError = { type: 'Invalid', field, value, detail }
    return invalid(this.#kind, this.#service.metadata.name ?? '', [error])
  }
}

function canShare(ports: readonly ServicePort[], other: ServicePort, port: ServicePort): boolean {
  return !ports.some(used => used.nodePort === other.nodePort && protocolOf(used) === protocolOf(port))
}

function protocolOf(port: ServicePort): string {
  return port.protocol ?? 'TCP'
}
