import { runCommand } from './command.ts'

/** Another node, as far as the network needs it. */
export interface Peer {
  readonly name: string
  /** Address at which this node reaches it. */
  readonly address: string
  readonly podCidr: string
}

export interface Route {
  readonly destination: string
  /** Undefined: on the link itself. */
  readonly via?: string
  readonly device?: string
}

interface KernelRoute {
  readonly dst: string
  readonly gateway?: string
  readonly dev?: string
}

/** The text `ip route` takes after its verb. */
export function routeText({ destination, via, device }: Route): string {
  return [destination, via && `via ${via}`, device && `dev ${device}`, via && device && 'onlink'].filter(Boolean).join(' ')
}

/** What to change so that the routes of ours that are there become those wanted. Pure. */
export function planRoutes(wanted: readonly Route[], present: readonly Route[]): { replace: Route[]; remove: Route[] } {
  const isThere = (route: Route) =>
    present.some(
      other =>
        other.destination === route.destination && other.via === route.via && (route.device === undefined || other.device === route.device),
    )
  const destinations = new Set(wanted.map(route => route.destination))
  return { replace: wanted.filter(route => !isThere(route)), remove: present.filter(route => !destinations.has(route.destination)) }
}

/** Routes that carry our mark. */
export async function listRoutes(protocol: number): Promise<Route[]> {
  const text = await runCommand('ip', ['-j', '-4', 'route', 'show', 'proto', String(protocol)])
  if (!text.trim()) return []
  return (JSON.parse(text) as KernelRoute[]).map(({ dst, gateway, dev }) => ({
    destination: dst.includes('/') ? dst : `${dst}/32`,
    ...(gateway !== undefined && { via: gateway }),
    ...(dev !== undefined && { device: dev }),
  }))
}

/**
 * Makes the kernel's routes of ours those wanted. One bad route (a peer that is on no link) does not keep out the others:
 * gives what went wrong, as text, or undefined.
 */
export async function applyRoutes(wanted: readonly Route[], protocol: number): Promise<string | undefined> {
  const { replace, remove } = planRoutes(wanted, await listRoutes(protocol))
  const lines = [
    ...remove.map(route => `route del ${routeText(route)} proto ${protocol}`),
    ...replace.map(route => `route replace ${routeText(route)} proto ${protocol}`),
  ]
  if (lines.length === 0) return undefined
  try {
    await runCommand('ip', ['-force', '-batch', '-'], { input: `${lines.join('\n')}\n` })
    return undefined
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
}
