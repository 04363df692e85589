/** The tunnels and streams rooms in the form the HTTP room takes. */
import { apiError, type Clock, type Logger, unavailable } from '@davit/api'
import type { Streams, TunnelAcceptor } from './apiserver/http/index.ts'
import type { Registry } from './apiserver/registry/index.ts'
import type { Tunnels } from './apiserver/tunnel/types.ts'

export function tunnelsOf(_options: { clock: Clock; log: Logger }): TunnelAcceptor {
  return {
    state: () => ({ connected: false, silentMs: Number.POSITIVE_INFINITY }),
    nodes: () => [],
    session: node => {
      throw unavailable(`No tunnel to node ${JSON.stringify(node)}`)
    },
    onChange: () => () => {},
    accept: (_request, socket) => socket.destroy(),
  }
}

export function streamsOf(_options: { registry: Registry; tunnels: Tunnels; log: Logger }): Streams {
  return {
    upgrade: (_request, socket) => void socket.destroy(),
    log: async () => {
      throw apiError('ServiceUnavailable', 'Logs are not served yet')
    },
  }
}
