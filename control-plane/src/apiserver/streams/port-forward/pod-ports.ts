import type { Duplex } from 'node:stream'
import { chunksOf, TUNNEL_PATHS, writeChunk } from '@davit/api'
import { openAgentStream, type Tunnels } from '../../tunnel/index.ts'
import type { Target } from '../target.ts'

/** Opens a connection to a port of the pod. Throws ApiError; destroyed when the signal aborts. */
export type DialPort = (port: number, signal: AbortSignal) => Promise<Duplex>

/** Dials through the tunnel there is at that moment, so that a forward survives one that was lost. */
export function podPorts(tunnels: Tunnels, { nodeName, path }: Target): DialPort {
  return async (port, signal) =>
    openAgentStream(await tunnels.session(nodeName), { method: 'POST', path: `${TUNNEL_PATHS.portforward}/${path}?port=${port}`, signal })
}

/** Copies to the end and ends the target there, so that a half-closed connection stays one. Rejects when the source breaks. */
export async function pass(source: Duplex, target: Duplex): Promise<void> {
  for await (const chunk of chunksOf(source)) if (!(await writeChunk(target, chunk))) return
  target.end()
}
