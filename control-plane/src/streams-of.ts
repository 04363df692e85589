/** The streams room in the form the HTTP room takes. */
import { apiError, type Logger } from '@davit/api'
import type { Streams } from './apiserver/http/index.ts'
import type { Registry } from './apiserver/registry/index.ts'
import type { Tunnels } from './apiserver/tunnel/index.ts'

export function streamsOf(_options: { registry: Registry; tunnels: Tunnels; log: Logger }): Streams {
  return {
    upgrade: (_request, socket) => void socket.destroy(),
    log: async () => {
      throw apiError('ServiceUnavailable', 'Logs are not served yet')
    },
  }
}
