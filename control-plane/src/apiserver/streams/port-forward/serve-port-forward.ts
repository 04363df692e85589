/** port-forward: SPDY streams, raw or inside a WebSocket, or channels of a WebSocket; each pair leads to one connection in the pod. */
import type { Duplex } from 'node:stream'
import { badRequest } from '@davit/api'
import { createWebSocketStream } from 'ws'
import type { StreamsOptions, UpgradeRequest } from '../create-streams.ts'
import { acceptSpdy } from '../spdy/index.ts'
import { checkRunnable, findTarget } from '../target.ts'
import { acceptWebSocket, chooseProtocol, protocolsIn, upgradeOf } from '../web-socket.ts'
import { forwardChannels, portsIn } from './forward-channels.ts'
import { forwardStreams } from './forward-streams.ts'
import { podPorts } from './pod-ports.ts'

const SPDY_PROTOCOLS = ['portforward.k8s.io'] as const
const TUNNELLED = 'SPDY/3.1+portforward.k8s.io'
const CHANNELLED = 'v4.channel.k8s.io'

/** Throws the ApiError to answer with while the connection still speaks HTTP; settles when the client is gone. */
export async function servePortForward({ registry, tunnels, clock, log }: StreamsOptions, upgrade: UpgradeRequest): Promise<void> {
  const { request, socket, head, call } = upgrade
  const kind = upgradeOf(request)
  if (!kind) throw badRequest('Upgrade request required')
  const header = kind === 'spdy' ? 'x-stream-protocol-version' : 'sec-websocket-protocol'
  const known = kind === 'spdy' ? SPDY_PROTOCOLS : ([TUNNELLED, CHANNELLED] as const)
  const protocol = chooseProtocol(protocolsIn(request.headers[header]), known)
  const channelPorts = protocol === CHANNELLED ? portsIn(call.query) : []
  const target = await findTarget(registry, call)
  checkRunnable(target, 'forward ports')
  // Better told now, as a Status, than later on a stream.
  await tunnels.session(target.nodeName)
  const dial = podPorts(tunnels, target)

  try {
    const streams = { dial, clock, log }
    if (kind === 'spdy') {
      acceptSpdy(socket, { head, protocol })
      return await forwardStreams(socket, streams)
    }
    const webSocket = await acceptWebSocket(request, socket, { head, protocol })
    if (protocol === CHANNELLED) return await forwardChannels(webSocket, { dial, ports: channelPorts, log })
    const duplex: Duplex = createWebSocketStream(webSocket)
    await forwardStreams(duplex, streams)
  } catch (err) {
    log.debug({ err, pod: call.name, namespace: call.namespace }, 'A port-forward ended with its connection')
    socket.destroy()
  }
}
