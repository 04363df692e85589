import type { Readable } from 'node:stream'
import { TUNNEL_PATHS } from '@davit/api'
import type { NodeCall } from '../http/index.ts'
import { askAgent } from './agent-stream.ts'
import type { StreamsOptions } from './create-streams.ts'
import { wholeOrBroken } from './log.ts'

/** What a node's agent answers to a GET of `path`. Throws ApiError: NotFound for a Node that is not there, the agent's own refusals. */
export async function proxyNode(
  { registry, tunnels }: StreamsOptions,
  { user, name, path, query }: NodeCall,
  signal: AbortSignal,
): Promise<{ contentType: string; body: Readable }> {
  const kind = registry.kinds.find(({ group, plural }) => group === '' && plural === 'nodes')
  if (!kind) throw new Error('Cannot find a node: the registry does not serve "nodes"')
  await registry.get({ user, signal }, kind, { name })
  const session = await tunnels.session(name)
  const asked = query.size > 0 ? `?${query}` : ''
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const { stream, contentType } = await askAgent(session, { method: 'GET', path: `${TUNNEL_PATHS.node}/${encoded}${asked}`, signal })
  return { contentType, body: wholeOrBroken(stream, session, 'the answer') }
}
