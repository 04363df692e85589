/**
 * Connections of this server to pods and Services. It need not be on the pod network: an endpoint is reached by the tunnel of the node
 * that it is on, which connects to it as anybody there would.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import {
  ApiError,
  type Clock,
  endpointSliceKind,
  isAddressInRange,
  isProxyableAddress,
  nodeKind,
  notFound,
  serviceKind,
  TUNNEL_PATHS,
  unavailable,
} from '@davit/api'
import { openAgentStream, type Tunnels, wholeOrBroken } from '../tunnel/index.ts'
import { endpointPlaces } from './endpoint-places.ts'
import type { Dialer, Lookups, Place, ServicePort } from './types.ts'

const DIAL_MS_MAX = 10_000
/** Endpoints of a Service that are tried before it has failed. */
const TRIES_MAX = 3

export interface DialerOptions {
  readonly lookups: Lookups
  readonly tunnels: Pick<Tunnels, 'session'>
  readonly clock: Clock
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number
}

export function createDialer({ lookups, tunnels, clock, random = Math.random }: DialerOptions): Dialer {
  async function placesOf({ namespace, name, port }: ServicePort, signal: AbortSignal): Promise<Place[]> {
    const service = await lookups.find(serviceKind, { namespace, name }, signal)
    if (!service) throw notFound(serviceKind, name)
    if (service.spec.type === 'ExternalName') return [{ address: service.spec.externalName ?? '', port }]
    const found = service.spec.ports?.find(each => each.port === port)
    if (!found) throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`)
    const labelSelector = `kubernetes.io/service-name=${name}`
    const places = endpointPlaces(await lookups.all(endpointSliceKind, { namespace, labelSelector }), found.name ?? '')
    if (places.length === 0) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`)
    return shuffled(places, random)
  }

  async function dial(place: Place, signal: AbortSignal): Promise<Duplex> {
    const dialling = new AbortController()
    const settled = new AbortController()
    clock.sleep(DIAL_MS_MAX, settled.signal).then(
      () => dialling.abort(unavailable(`dial tcp ${hostOf(place)}: i/o timeout`)),
      () => {},
    )
    try {
      return await open(place, AbortSignal.any([signal, dialling.signal]))
    } catch (err) {
      if (err instanceof ApiError || signal.aborted) throw err
      throw unavailable(err instanceof Error ? err.message : String(err))
    } finally {
      settled.abort()
    }
  }

  async function open(place: Place, signal: AbortSignal): Promise<Duplex> {
    const node = place.node ?? (await nodeOf(place.address))
    if (node === undefined) return openDirectly(place, signal)
    if (!isProxyableAddress(place.address)) throw unavailable('address not allowed')
    const session = await tunnels.session(node)
    const query = new URLSearchParams({ address: place.address, port: String(place.port) })
    const stream = await openAgentStream(session, { method: 'POST', path: `${TUNNEL_PATHS.dial}?${query}`, signal })
    return Duplex.from({ writable: stream, readable: wholeOrBroken(stream, session, 'the other side') }).on('error', () => {})
  }

  /** The node whose pods have such addresses: nothing else leads to them. */
  async function nodeOf(address: string): Promise<string | undefined> {
    if (!isProxyableAddress(address)) return undefined
    const nodes = await lookups.all(nodeKind, {})
    const isThere = (range: string) => isAddressInRange(range, address)
    return nodes.find(({ spec }) => (spec?.podCIDRs ?? []).some(isThere))?.metadata.name
  }

  return {
    dial,
    placesOf,
    async dialService(service, signal) {
      const places = (await placesOf(service, signal)).slice(0, TRIES_MAX)
      for (const [tries, place] of places.entries()) {
        try {
          return await dial(place, signal)
        } catch (err) {
          if (signal.aborted || tries === places.length - 1) throw err
        }
      }
      throw unavailable(`no endpoints available for service ${JSON.stringify(service.name)}`)
    },
  }
}

async function openDirectly({ address, port }: Place, signal: AbortSignal): Promise<Duplex> {
  const socket = connect({ host: address, port, noDelay: true, keepAlive: true, allowHalfOpen: true })
  socket.on('error', () => {})
  const abort = () => void socket.destroy()
  signal.addEventListener('abort', abort, { once: true })
  socket.once('close', () => signal.removeEventListener('abort', abort))
  try {
    await once(socket, 'connect', { signal })
  } catch (err) {
    socket.destroy()
    throw signal.aborted ? signal.reason : err
  }
  return socket
}

function hostOf({ address, port }: Place): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items]
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!)
}
