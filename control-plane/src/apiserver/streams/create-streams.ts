/** exec, attach, port-forward and logs: from whatever a client speaks to the tunnel of the node where the pod is. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { badRequest, type Clock, type Logger } from '@davit/api'
import type { Dialer, Lookups } from '../dial/index.ts'
import type { StreamCall, Streams } from '../http/index.ts'
import type { Registry } from '../registry/index.ts'
import type { Tunnels } from '../tunnel/index.ts'
import { serveCommand } from './command/serve-command.ts'
import { proxyLog } from './log.ts'
import { serveLogSocket } from './log-web-socket.ts'
import { proxyNode } from './node.ts'
import { servePortForward } from './port-forward/serve-port-forward.ts'
import { serveProxy, serveProxyUpgrade } from './proxy/serve-proxy.ts'

export interface StreamsOptions {
  readonly registry: Registry
  readonly tunnels: Tunnels
  readonly lookups: Lookups
  readonly dialer: Dialer
  readonly clock: Clock
  readonly log: Logger
}

/** A client's connection that asked to leave HTTP. */
export interface UpgradeRequest {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly call: StreamCall
}

/** `upgrade` throws an ApiError for what is to be answered before the connection leaves HTTP; after that it sees to itself. */
export function createStreams(options: StreamsOptions): Streams {
  return {
    async upgrade(request, socket, head, call) {
      const upgrade: UpgradeRequest = { request, socket, head, call }
      if (call.subresource === 'portforward') return servePortForward(options, upgrade)
      if (call.subresource === 'exec' || call.subresource === 'attach') return serveCommand(options, upgrade)
      if (call.subresource === 'log') return serveLogSocket(options, upgrade)
      throw badRequest(`Cannot stream ${JSON.stringify(call.subresource)}`)
    },
    log: (call, signal) => proxyLog(options, call, signal),
    node: (call, signal) => proxyNode(options, call, signal),
    proxy: (call, exchange, signal) => serveProxy(options, call, exchange, signal),
    proxyUpgrade: (call, request, socket, head) => serveProxyUpgrade(options, call, { request, socket, head }),
  }
}
