import { createSocket } from 'node:dgram'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import type { EndpointSlice } from '@davit/api'
import { z } from 'zod'

const keptSchema = z.array(z.url({ protocol: /^https$/ }))
/** Servers that were published once and are no more are kept for a while: all may have changed but one that is away. */
const KEPT_MAX = 12

/** The API servers the cluster publishes, in order. */
export function publishedServers(slices: readonly EndpointSlice[]): readonly string[] {
  const urls = slices.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(({ name }) => name === 'https')?.port ?? ports?.[0]?.port ?? 6443
    return endpoints.flatMap(({ addresses }) =>
      addresses.map(address => `https://${address.includes(':') ? `[${address}]` : address}:${port}`),
    )
  })
  return [...new Set(urls)].sort()
}

/**
 * The API servers to open tunnels to: the published ones. A single one is better reached the way the client reaches it (its servers,
 * the one in use first), which is known to work from here.
 */
export function tunnelServers(published: readonly string[], ofClient: readonly string[]): readonly string[] {
  return published.length > 1 ? published : ofClient.slice(0, 1)
}

/** The servers that were published when this agent last ran; none when that is not known. */
export async function loadServers(path: string): Promise<readonly string[]> {
  try {
    return keptSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return []
  }
}

/** Keeps them for the next start, with some of those that were kept before; gives what is kept now. */
export async function saveServers(path: string, published: readonly string[], kept: readonly string[]): Promise<readonly string[]> {
  const servers = [...new Set([...published, ...kept])].slice(0, KEPT_MAX)
  await writeFile(`${path}.new`, JSON.stringify(servers), { mode: 0o600 })
  await rename(`${path}.new`, path)
  return servers
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
