import { Readable } from 'node:stream'
import { TUNNEL_PATHS } from '@davit/api'
import type { StreamCall } from '../http/index.ts'
import { openAgentStream, wholeOrBroken } from '../tunnel/index.ts'
import type { StreamsOptions } from './create-streams.ts'
import { validateLogOptions } from './log-options.ts'
import { containerOf, findTarget } from './target.ts'

const PARAMETERS = ['follow', 'tailLines', 'sinceSeconds', 'sinceTime', 'timestamps', 'previous', 'limitBytes', 'stream']

/** The log's bytes as the node sends them; destroying the answer ends the node's work too. Throws ApiError. */
export async function proxyLog({ registry, tunnels }: StreamsOptions, call: StreamCall, signal: AbortSignal): Promise<Readable> {
  validateLogOptions(call.query, call.name)
  const { pod, nodeName, path } = await findTarget(registry, call, signal)
  const container = containerOf(pod, call.query.get('container'))
  // Nothing has run anywhere yet, so there is nothing to show.
  if (!nodeName) return Readable.from([])
  const query = new URLSearchParams()
  for (const name of PARAMETERS) {
    const value = call.query.get(name)
    if (value !== null) query.set(name, value)
  }
  const target = `${TUNNEL_PATHS.log}/${path}/${encodeURIComponent(container)}?${query}`
  const session = await tunnels.session(nodeName)
  return wholeOrBroken(await openAgentStream(session, { method: 'GET', path: target, signal }), session, 'the log')
}
