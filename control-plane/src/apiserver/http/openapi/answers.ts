/** OpenAPI over HTTP: version 3 by group and version, version 2 in the form that is asked for. */
import { apiError } from '@davit/api'
import type { KindRegistry } from '../../../kind-registry.ts'
import type { Aggregation, RemoteVersion } from '../../aggregation/index.ts'
import { parseAccept } from '../negotiation/accept.ts'
import type { Dispatch } from '../resources/dispatch.ts'
import { beginStream, sendJson, shapeOf } from '../respond.ts'
import { createDocuments, type Document } from './documents.ts'

const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
/** What clients ask for; as a Content-Type it would be no media type, and Go refuses it. */
const V2_PROTOBUF_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
const JSON_RANGES = new Set(['application/json', 'application/*', '*/*'])

export interface OpenApiAnswers {
  /** False when the path is not OpenAPI's. */
  answer(path: string, call: Dispatch): Promise<boolean>
}

/** Documents of others' versions are shown in the index and answered by themselves. */
export function openApiAnswers(kinds: KindRegistry, aggregation?: Pick<Aggregation, 'remotes' | 'openApi'>): OpenApiAnswers {
  const documents = createDocuments(kinds)
  return {
    answer: async (path, call) => {
      const { request, reply, query } = call
      if (path === '/openapi/v2') {
        if (wantsProtobuf(request.headers.accept)) beginStream(reply, V2_PROTOBUF).end()
        else await sendDocument(call, await documents.v2(await documentsOfOthers(aggregation)))
        return true
      }
      if (path === '/openapi/v3') {
        await sendJson(reply, 200, indexOf(await documents.v3(), aggregation?.remotes ?? []), shapeOf(request, query, { views: false }))
        return true
      }
      if (!path.startsWith('/openapi/v3/')) return false
      const document = (await documents.v3()).get(path.slice('/openapi/v3/'.length))
      if (!document) return false
      await sendDocument(call, document)
      return true
    },
  }
}

async function documentsOfOthers(aggregation: Pick<Aggregation, 'remotes' | 'openApi'> | undefined): Promise<object[]> {
  const found = await Promise.all((aggregation?.remotes ?? []).map(({ group, version }) => aggregation?.openApi(group, version)))
  return found.filter(each => each !== undefined)
}

function indexOf(documents: ReadonlyMap<string, Document>, remotes: readonly RemoteVersion[]): object {
  const own = [...documents].map(([path, { hash }]) => [path, hash] as const)
  const others = remotes.map(({ group, version, openApiHash }) => [`apis/${group}/${version}`, openApiHash] as const)
  const hashes = new Map([...own, ...others])
  const entries = [...hashes].map(([path, hash]) => [path, { serverRelativeURL: `/openapi/v3/${path}${hash ? `?hash=${hash}` : ''}` }])
  return { paths: Object.fromEntries(entries.filter(([path]) => hashes.get(String(path)) !== undefined)) }
}

async function sendDocument({ request, reply, query }: Dispatch, { bytes, hash }: Document): Promise<void> {
  const etag = `"${hash}"`
  // An address that names the content need not be asked for again.
  const caching = query.get('hash') === hash ? 'public, immutable, max-age=31536000' : 'no-cache, private'
  reply.header('etag', etag).header('vary', 'Accept')
  if (request.headers['if-none-match'] === etag) return void reply.code(304).header('cache-control', caching).send()
  await sendJson(reply, 200, bytes, { ...shapeOf(request, query, { views: false }), caching })
}

/**
 * Whether version 2 is asked for in protobuf, which kubectl up to 1.28 does before it writes anything. It is satisfied with an
 * empty document. Throws NotAcceptable when neither that nor JSON will do.
 */
function wantsProtobuf(accept: string | undefined): boolean {
  for (const { type } of parseAccept(accept || '*/*')) {
    if (type === V2_PROTOBUF || type === V2_PROTOBUF_ASKED) return true
    if (JSON_RANGES.has(type)) return false
  }
  throw apiError('NotAcceptable', `only the following media types are accepted: application/json, ${V2_PROTOBUF}`)
}
