import type { DnsEndpoint, DnsPort, DnsService } from './service-records.ts'

/** All Services by name, kept up one by one; answers who has a name or an address. Names are lower case. */
export class Zone {
  readonly #services = new Map<string, DnsService>()
  readonly #namespaces = new Map<string, number>()
  /** Address → names that stand for it, without the domain. */
  readonly #byAddress = new Map<string, Set<string>>()

  get size(): number {
    return this.#services.size
  }

  /** Puts a Service in place of the one of that key; undefined: there is none any more. */
  set(key: string, service: DnsService | undefined): void {
    const old = this.#services.get(key)
    if (old) {
      this.#services.delete(key)
      this.#count(old.namespace, -1)
      for (const { address, name } of namesOf(old)) {
        const names = this.#byAddress.get(address)
        names?.delete(name)
        if (names?.size === 0) this.#byAddress.delete(address)
      }
    }
    if (!service) return
    this.#services.set(key, service)
    this.#count(service.namespace, 1)
    for (const { address, name } of namesOf(service)) {
      const names = this.#byAddress.get(address)
      if (names) names.add(name)
      else this.#byAddress.set(address, new Set([name]))
    }
  }

  clear(): void {
    this.#services.clear()
    this.#namespaces.clear()
    this.#byAddress.clear()
  }

  service(namespace: string, name: string): DnsService | undefined {
    return this.#services.get(`${namespace}/${name}`)
  }

  /** Whether some Service lives there; empty namespaces are not told apart from none. */
  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace)
  }

  /** Names of an address, without the domain: `web.default.svc`. */
  namesOf(address: string): string[] {
    return [...(this.#byAddress.get(address) ?? [])].sort()
  }

  #count(namespace: string, by: number): void {
    const count = (this.#namespaces.get(namespace) ?? 0) + by
    if (count === 0) this.#namespaces.delete(namespace)
    else this.#namespaces.set(namespace, count)
  }
}

function namesOf(service: DnsService): { address: string; name: string }[] {
  const name = `${service.name}.${service.namespace}.svc`
  if (service.type === 'cluster-ip') return service.addresses.map(address => ({ address, name }))
  if (service.type === 'headless') return service.endpoints.map(({ address, hostname }) => ({ address, name: `${hostname}.${name}` }))
  return []
}

export type { DnsEndpoint, DnsPort, DnsService }
