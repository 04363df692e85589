/** The streams room in the form the HTTP room takes. */
import { type Logger, systemClock } from '@davit/api'
import type { Streams } from './apiserver/http/index.ts'
import type { Registry } from './apiserver/registry/index.ts'
import { createStreams } from './apiserver/streams/index.ts'
import type { Tunnels } from './apiserver/tunnel/index.ts'

export function streamsOf({ registry, tunnels, log }: { registry: Registry; tunnels: Tunnels; log: Logger }): Streams {
  return createStreams({ registry, tunnels, log, clock: systemClock })
}
