import type { Readable } from 'node:stream'
import { badRequest, type Kind, nodeKind, TUNNEL_PATHS } from '@davit/api'
import type { NodeCall } from '../http/index.ts'
import { askAgent, wholeOrBroken } from '../tunnel/index.ts'
import type { StreamsOptions } from './create-streams.ts'

/** What a node's agent answers to a GET of `path`. Throws ApiError: NotFound for a Node that is not there, BadRequest for a path that goes up, the agent's own refusals. */
export async function proxyNode(
  { registry, tunnels }: StreamsOptions,
  { user, name, path, query }: NodeCall,
  signal: AbortSignal,
): Promise<{ contentType: string; body: Readable }> {
  const segments = path.split('/')
  // Whoever reads the path as a URL would go up by them, to what the agent serves to the control plane alone.
  if (segments.some(segment => segment === '.' || segment === '..')) throw badRequest(`Cannot ask a node for ${JSON.stringify(path)}`)
  await registry.get({ user, signal }, nodeKind as unknown as Kind, { name })
  const session = await tunnels.session(name)
  const asked = query.size > 0 ? `?${query}` : ''
  const encoded = segments.map(encodeURIComponent).join('/')
  const { stream, contentType } = await askAgent(session, { method: 'GET', path: `${TUNNEL_PATHS.node}/${encoded}${asked}`, signal })
  return { contentType, body: wholeOrBroken(stream, session, 'the answer') }
}
