/** The tunnels agents hold open to this replica: who is connected, who has fallen silent, and who went away saying why. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, formatTime, type Logger } from '@davit/api'
import { type WebSocket, WebSocketServer } from 'ws'
import { noTunnel, type Relays } from './relays.ts'
import { serveRelay } from './serve-relay.ts'
import { Tunnel } from './tunnel.ts'
import type { TunnelState, Tunnels } from './types.ts'

/** A closed tunnel is remembered for so long. */
const MEMORY_MS = 3_600_000
const MESSAGE_BYTES_MAX = 64 << 20

const CLOSE_GOING_AWAY = 1001
const CLOSE_REPLACED = 4001

export interface TunnelsOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Asked for nodes that have no tunnel to this replica; left out: there are no peers. */
  readonly relays?: Pick<Relays, 'session' | 'close'>
  /** Closes all tunnels with the reason `restart` when it aborts. */
  readonly signal?: AbortSignal
}

export interface AcceptingTunnels extends Tunnels {
  /** Takes over an upgrade request of a node's agent; replaces the tunnel that node had. Answers errors on the socket itself. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, nodeName: string): void
  /** Takes over an upgrade request of a peer: what it asks on it goes through our own tunnel to the node. Throws ApiError 503 without one. */
  relay(request: IncomingMessage, socket: Duplex, head: Buffer, nodeName: string): void
  /** Closes all tunnels with the reason `restart`, and takes no more. Settles once they are closed. */
  close(): Promise<void>
}

interface NodeRecord {
  tunnel?: Tunnel
  /** Monotonic time, and wall clock for people. */
  closedAt?: number
  closedTime?: number
  closeReason?: string
}

/** Makes the table of tunnels, empty at first. */
export function createTunnels({ clock, log, relays, signal }: TunnelsOptions): AcceptingTunnels {
  const records = new Map<string, NodeRecord>()
  const handlers = new Set<(node: string) => void>()
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX, clientTracking: false })
  let closing = false

  const changed = (node: string) => {
    for (const handler of handlers) {
      try {
        handler(node)
      } catch (err) {
        log.error({ err, node }, 'A handler of tunnel changes failed')
      }
    }
  }

  function opened(node: string, socket: WebSocket): void {
    const tunnel = new Tunnel(socket, clock)
    if (closing) return void tunnel.close(CLOSE_GOING_AWAY, 'restart')
    const former = records.get(node)?.tunnel
    forgetOld()
    records.set(node, { tunnel })
    log.info({ node, replaced: former !== undefined }, 'A tunnel opened')
    if (former) void former.close(CLOSE_REPLACED, 'replaced by a newer tunnel')
    void keep(node, tunnel)
    changed(node)
  }

  /** Watches over one tunnel to its end. */
  async function keep(node: string, tunnel: Tunnel): Promise<void> {
    const { reason } = await tunnel.keepAlive(() => {
      log.warn({ node, silentMs: Math.round(tunnel.silentMs) }, 'A tunnel has fallen silent')
      changed(node)
    })
    const record = records.get(node)
    if (record?.tunnel !== tunnel) return
    // One that was cut for its silence has been away since it was last heard.
    const closedAt = tunnel.isSilent ? tunnel.heardAt : clock.monotonic()
    const closedTime = clock.now() - (clock.monotonic() - closedAt)
    records.set(node, { closedAt, closedTime, ...(reason && { closeReason: reason }) })
    log.info({ node, reason, silentMs: Math.round(tunnel.silentMs) }, 'A tunnel closed')
    changed(node)
  }

  function ownTunnel(node: string): Tunnel | undefined {
    const tunnel = records.get(node)?.tunnel
    return tunnel?.isOpen ? tunnel : undefined
  }

  function sinceWhen(node: string): string {
    const time = records.get(node)?.closedTime
    return time === undefined ? 'it started' : formatTime(time)
  }

  function forgetOld(): void {
    for (const [node, { closedAt }] of records) {
      if (closedAt !== undefined && clock.monotonic() - closedAt > MEMORY_MS) records.delete(node)
    }
  }

  const close = async () => {
    closing = true
    const own = [...records.values()].map(({ tunnel }) => tunnel?.close(CLOSE_GOING_AWAY, 'restart'))
    await Promise.all([...own, relays?.close()])
  }
  if (signal?.aborted) closing = true
  signal?.addEventListener('abort', () => void close(), { once: true })

  return {
    accept(request, socket, head, nodeName) {
      sockets.handleUpgrade(request, socket, head, webSocket => opened(nodeName, webSocket))
    },
    state(node): TunnelState {
      const { tunnel, closedAt, closeReason } = records.get(node) ?? {}
      if (tunnel) return { connected: true, silentMs: tunnel.silentMs }
      return {
        connected: false,
        silentMs: Number.POSITIVE_INFINITY,
        ...(closedAt !== undefined && { closedMs: clock.monotonic() - closedAt }),
        ...(closeReason && { closeReason }),
      }
    },
    nodes: () => [...records].filter(([, { tunnel }]) => tunnel?.isOpen).map(([node]) => node),
    relay(request, socket, head, node) {
      const tunnel = ownTunnel(node)
      if (!tunnel) throw noTunnel(node, sinceWhen(node))
      sockets.handleUpgrade(request, socket, head, webSocket => serveRelay(webSocket, tunnel.session, clock))
    },
    async session(node) {
      const tunnel = ownTunnel(node)
      // A peer may still hear of a node that this replica has not heard from for a while.
      if (tunnel && !(tunnel.isSilent && relays)) return tunnel.session
      try {
        if (relays) return await relays.session(node, sinceWhen(node))
      } catch (err) {
        if (!tunnel) throw err
      }
      if (tunnel?.isOpen) return tunnel.session
      throw noTunnel(node, sinceWhen(node))
    },
    onChange(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    close,
  }
}
