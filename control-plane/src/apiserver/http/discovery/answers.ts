/** Which kinds there are and what can be done with them, for clients that ask first. */

import { createHash } from 'node:crypto'
import type { Kind } from '@davit/api'
import type { RemoteVersion } from '../../aggregation/index.ts'
import { parseAccept } from '../negotiation/accept.ts'
import type { Dispatch } from '../resources/dispatch.ts'
import { type Reply, sendJson, shapeOf } from '../respond.ts'
import { groupDiscoveryList } from './aggregated.ts'
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './plain.ts'
import { groupVersions, isRemote, withRemotes } from './resources.ts'

export interface DiscoveryAnswers {
  /** Paths that answer. */
  readonly paths: readonly string[]
  knows(path: string): boolean
  /** False when the path is not discovery's. */
  answer(path: string, call: Dispatch): Promise<boolean>
}

/** What others serve at their group and version they answer themselves. */
export function discoveryAnswers(kinds: readonly Kind[], remotes: readonly RemoteVersion[] = []): DiscoveryAnswers {
  const all = withRemotes(groupVersions(kinds), remotes)
  const plain = new Map<string, object>([
    ['/api', apiVersions()],
    ['/apis', apiGroupList(all)],
  ])
  for (const entry of all) {
    const base = entry.group === '' ? '/api' : `/apis/${entry.group}`
    const group = apiGroup(entry.group, all)
    if (group) plain.set(base, group)
    if (!isRemote(entry)) plain.set(`${base}/${entry.version}`, apiResourceList(entry))
  }
  const aggregated = new Map<string, Aggregated>()
  for (const version of ['v2', 'v2beta1'] as const) {
    for (const path of ['/api', '/apis']) {
      const body = Buffer.from(JSON.stringify(groupDiscoveryList(all, { version, core: path === '/api' })))
      const etag = `"${createHash('sha512').update(body).digest('hex').slice(0, 64).toUpperCase()}"`
      aggregated.set(`${path} ${version}`, { body, etag })
    }
  }

  return {
    paths: [...plain.keys()].sort(),
    knows: path => plain.has(path),
    answer: async (path, { request, reply, query }) => {
      const document = plain.get(path)
      if (!document) return false
      const version = path === '/api' || path === '/apis' ? aggregatedVersion(request.headers.accept) : undefined
      const found = version && aggregated.get(`${path} ${version}`)
      if (found) sendAggregated(reply, found, { version, ifNoneMatch: request.headers['if-none-match'] })
      else await sendJson(reply, 200, document, shapeOf(request, query, { views: false }))
      return true
    },
  }
}

interface Aggregated {
  readonly body: Buffer
  readonly etag: string
}

function sendAggregated(
  reply: Reply,
  { body, etag }: Aggregated,
  { version, ifNoneMatch }: { version: string; ifNoneMatch: string | undefined },
): void {
  reply.header('etag', etag).header('vary', 'Accept').header('cache-control', 'public')
  if (ifNoneMatch === etag) return void reply.code(304).send()
  // Clients take the answer for aggregated by these parameters alone.
  reply.code(200).header('content-type', `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`).send(body)
}

/** The version asked for, unless plain JSON is named before it. */
function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of parseAccept(accept ?? '')) {
    if (type !== 'application/json') continue
    if (parameters.as === undefined) return undefined
    const { as, g, v } = parameters
    if (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && (v === 'v2' || v === 'v2beta1')) return v
  }
  return undefined
}
