/**
 * OpenAPI: version 3 in a document for each group and version, made on first use; version 2 as an empty document, which is
 * all that clients that still ask for it need.
 */

import { createHash } from 'node:crypto'
import type { Kind } from '@davit/api'
import { groupVersions } from '../discovery/resources.ts'
import { parseAccept } from '../negotiation/accept.ts'
import type { Dispatch } from '../resources/dispatch.ts'
import { beginStream, sendJson, shapeOf } from '../respond.ts'
import { VERSION_INFO } from '../version.ts'
import { ComponentNames, componentsOf } from './components.ts'
import { pathsOf } from './paths.ts'

const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
/** What clients ask for; as a Content-Type it would be no media type, and Go refuses it. */
const V2_PROTOBUF_ASKED = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'

export interface OpenApiAnswers {
  /** False when the path is not OpenAPI's. */
  answer(path: string, call: Dispatch): Promise<boolean>
}

interface Document {
  readonly bytes: Buffer
  readonly hash: string
}

export function openApiAnswers(kinds: readonly Kind[]): OpenApiAnswers {
  let made: Promise<ReadonlyMap<string, Document>> | undefined
  const documents = () => {
    made ??= makeDocuments(kinds)
    return made
  }
  return {
    answer: async (path, call) => {
      const { request, reply, query } = call
      if (path === '/openapi/v2') return answerV2(call)
      if (path === '/openapi/v3') {
        await sendJson(reply, 200, indexOf(await documents()), shapeOf(request, query, { views: false }))
        return true
      }
      if (!path.startsWith('/openapi/v3/')) return false
      const document = (await documents()).get(path.slice('/openapi/v3/'.length))
      if (!document) return false
      await sendDocument(call, document)
      return true
    },
  }
}

async function makeDocuments(kinds: readonly Kind[]): Promise<Map<string, Document>> {
  const names = new ComponentNames(kinds)
  const documents = new Map<string, Document>()
  for (const { group, version, resources } of groupVersions(kinds)) {
    // One at a time: each takes milliseconds, and others wait for the loop.
    await new Promise(resolve => setImmediate(resolve))
    const members = resources.map(({ kind }) => kind)
    const bytes = Buffer.from(JSON.stringify(documentOf(members, names)))
    documents.set(group ? `apis/${group}/${version}` : `api/${version}`, {
      bytes,
      hash: createHash('sha512').update(bytes).digest('hex').slice(0, 64).toUpperCase(),
    })
  }
  return documents
}

/** The document of kinds of one group and version. */
export function documentOf(kinds: readonly Kind[], names: ComponentNames): object {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: VERSION_INFO.gitVersion },
    paths: Object.assign({}, ...kinds.map(kind => pathsOf(kind, names))),
    components: { schemas: componentsOf(kinds, names) },
  }
}

function indexOf(documents: ReadonlyMap<string, Document>): object {
  const entries = [...documents].map(([path, { hash }]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }])
  return { paths: Object.fromEntries(entries) }
}

async function sendDocument({ request, reply, query }: Dispatch, { bytes, hash }: Document): Promise<void> {
  const etag = `"${hash}"`
  // An address that names the content need not be asked for again.
  const caching = query.get('hash') === hash ? 'public, immutable, max-age=31536000' : 'no-cache, private'
  reply.header('etag', etag).header('vary', 'Accept')
  if (request.headers['if-none-match'] === etag) return void reply.code(304).header('cache-control', caching).send()
  await sendJson(reply, 200, bytes, { ...shapeOf(request, query, { views: false }), caching })
}

async function answerV2({ request, reply, query }: Dispatch): Promise<boolean> {
  const wanted = parseAccept(request.headers.accept ?? '*/*')[0]?.type
  if (wanted === V2_PROTOBUF || wanted === V2_PROTOBUF_ASKED) {
    beginStream(reply, V2_PROTOBUF).end()
    return true
  }
  const document = { swagger: '2.0', info: { title: 'Kubernetes', version: VERSION_INFO.gitVersion }, paths: {}, definitions: {} }
  await sendJson(reply, 200, document, shapeOf(request, query, { views: false }))
  return true
}
