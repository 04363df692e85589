import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import type { EndpointSlice } from '@davit/api'

/**
 * The API servers to open tunnels to. The cluster publishes its replicas; a single one is better reached the way the flags say, which
 * is known to work from here.
 */
export function tunnelServers(published: readonly EndpointSlice[], flags: readonly string[]): readonly string[] {
  const urls = published.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(({ name }) => name === 'https')?.port ?? ports?.[0]?.port ?? 6443
    return endpoints.flatMap(({ addresses }) =>
      addresses.map(address => `https://${address.includes(':') ? `[${address}]` : address}:${port}`),
    )
  })
  const distinct = [...new Set(urls)].sort()
  if (distinct.length > 1) return distinct
  const same = flags.filter(flag => distinct.includes(flag))
  return same.length > 0 ? same : flags.slice(0, 1)
}

/** The address of this machine from which `server` is reached. */
export async function addressTowards(server: string): Promise<string> {
  const { hostname, port } = new URL(server)
  const found = await new Promise<string | undefined>(resolve => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(undefined))
    // Nothing is sent: the kernel only chooses the route.
    socket.connect(Number(port || 443), hostname, () => {
      const { address } = socket.address()
      socket.close()
      resolve(address)
    })
  })
  if (found && found !== '127.0.0.1') return found
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? found ?? '127.0.0.1'
}
