/**
 * Requests on resources of any kind, known to this program or not, with what kubectl adds to them: tables, dry-run, field
 * managers and the server's warnings.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { ApiError, type HttpClient, isReason, type Query, resourcePath, type Status, systemClock } from '@davit/api'
import type { AnyList, AnyObject, JsonObject } from './json.ts'
import type { ResourceType } from './resource-type.ts'

export interface RequestOptions {
  query?: Query
  /** Sent as JSON. */
  body?: unknown
  /** `application/json` when left out. */
  contentType?: string
  accept?: string
  signal?: AbortSignal
}

export interface Place {
  /** Left out: all namespaces, or a cluster-scoped kind. */
  namespace?: string | undefined
  name?: string | undefined
  subresource?: string
}

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

export type PatchType = keyof typeof PATCH_TYPES

export interface Api {
  /** Any path; the answer as JSON, undefined when empty. Throws `ApiError` for every status of 400 and above. */
  request(method: string, path: string, options?: RequestOptions): Promise<unknown>
  /** As `request`, but the body as it comes. */
  open(method: string, path: string, options?: RequestOptions): Promise<Readable>
  get(type: ResourceType, place: Place, options?: RequestOptions): Promise<AnyObject>
  /** All pages. */
  list(type: ResourceType, place: Place, options?: RequestOptions): Promise<AnyList>
  /** Events as lines of JSON; ERROR events are thrown. */
  watch(type: ResourceType, place: Place, options?: RequestOptions): AsyncGenerator<{ type: string; object: AnyObject }, void, void>
  create(type: ResourceType, place: Place, object: unknown, options?: RequestOptions): Promise<AnyObject>
  replace(type: ResourceType, place: Place, object: unknown, options?: RequestOptions): Promise<AnyObject>
  patch(type: ResourceType, place: Place, patch: { type: PatchType; body: unknown }, options?: RequestOptions): Promise<AnyObject>
  delete(type: ResourceType, place: Place, options?: RequestOptions): Promise<JsonObject>
}

export interface ApiOptions {
  /** Told the text of each `Warning` header. */
  onWarning: (text: string) => void
  /** Told each request and answer, for `-v`. */
  trace?: (line: string) => void
}

const PAGE_SIZE = 500
const RETRIES_MAX = 5
const RETRY_AFTER_SECONDS_MAX = 10

/** The API over an open client. */
export function createApi(client: HttpClient, { onWarning, trace }: ApiOptions): Api {
  const open = async (method: string, path: string, options: RequestOptions = {}): Promise<Readable> => {
    const { query, body, contentType = 'application/json', accept = 'application/json', signal } = options
    for (let retries = 0; ; retries++) {
      const startedAt = systemClock.monotonic()
      const response = await client.raw({
        method,
        path,
        headers: { accept, ...(body !== undefined && { 'content-type': contentType }) },
        ...(query && { query }),
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        ...(signal && { signal }),
      })
      trace?.(`${method} ${path}${queryText(query)} ${response.status} in ${Math.round(systemClock.monotonic() - startedAt)} milliseconds`)
      for (const text of warningsOf(response.headers)) onWarning(text)
      if (response.status < 400) return response.body
      const error = failure(response.status, await readText(response.body))
      const seconds = Number.parseInt(String(response.headers['retry-after']), 10)
      const isBusy = (response.status === 429 || response.status === 503) && seconds >= 0
      if (!isBusy || retries === RETRIES_MAX || path.endsWith('/eviction')) throw error
      await systemClock.sleep(Math.min(seconds, RETRY_AFTER_SECONDS_MAX) * 1000, signal)
    }
  }

  const request = async (method: string, path: string, options?: RequestOptions): Promise<unknown> => {
    const text = await readText(await open(method, path, options))
    if (text === '') return undefined
    try {
      return JSON.parse(text)
    } catch {
      throw new Error(`${method} ${path} was answered with something other than JSON: ${text.slice(0, 200)}`)
    }
  }

  const at = (type: ResourceType, { namespace, name, subresource }: Place) =>
    resourcePath(type, { namespace: type.namespaced ? namespace : undefined, name }, subresource)
  const object = async (answer: Promise<unknown>) => (await answer) as AnyObject

  return {
    request,
    open,
    get: (type, place, options) => object(request('GET', at(type, place), options)),
    async list(type, place, options = {}) {
      const items: AnyObject[] = []
      let page: AnyList & { rows?: unknown[] }
      let rows: unknown[] | undefined
      let next: string | undefined
      do {
        const query = { limit: PAGE_SIZE, ...options.query, ...(next && { continue: next }) }
        page = (await request('GET', at(type, place), { ...options, query }).catch(withSelectors(type, query))) as typeof page
        items.push(...(page.items ?? []))
        if (page.rows) rows = [...(rows ?? []), ...page.rows]
        next = page.metadata?.continue
      } while (next)
      return { ...page, items, ...(rows && { rows }) }
    },
    async *watch(type, place, options = {}) {
      const body = await open('GET', at(type, place), { ...options, query: { ...options.query, watch: true } })
      for await (const line of lines(body)) {
        const event = JSON.parse(line) as { type: string; object: AnyObject }
        if (event.type === 'ERROR') throw new ApiError(event.object as unknown as Status)
        yield event
      }
    },
    create: (type, place, body, options) => object(request('POST', at(type, place), { ...options, body })),
    replace: (type, place, body, options) => object(request('PUT', at(type, place), { ...options, body })),
    patch: (type, place, patch, options) =>
      object(request('PATCH', at(type, place), { ...options, body: patch.body, contentType: PATCH_TYPES[patch.type] })),
    delete: async (type, place, options) => (await request('DELETE', at(type, place), options)) as JsonObject,
  }
}

/** Says in a refusal what was looked for, as kubectl does. */
function withSelectors({ group, version, plural }: ResourceType, query: Query): (err: unknown) => never {
  return err => {
    if (!isReason(err, 'BadRequest') && !isReason(err, 'NotFound')) throw err
    const { labelSelector = '', fieldSelector = '' } = query
    const resource = JSON.stringify(`${group}/${version}, Resource=${plural}`)
    const what =
      labelSelector || fieldSelector
        ? `Unable to find ${resource} that match label selector ${JSON.stringify(labelSelector)}, field selector ${JSON.stringify(fieldSelector)}`
        : `Unable to list ${resource}`
    throw new ApiError({ ...err.status, message: `${what}: ${err.message}` })
  }
}

/** Lines of a body as they come; a last one without an end counts. */
export async function* lines(body: Readable): AsyncGenerator<string, void, void> {
  let rest = ''
  body.setEncoding('utf8')
  for await (const chunk of body as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part) yield part
  }
  if (rest) yield rest
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function warningsOf(headers: IncomingHttpHeaders | Record<string, unknown>): string[] {
  const header = headers.warning
  const text = Array.isArray(header) ? header.join(', ') : typeof header === 'string' ? header : ''
  return [...text.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted]) => (quoted ?? '').replace(/\\(.)/g, '$1'))
}

function failure(code: number, text: string): ApiError {
  try {
    const status = JSON.parse(text) as Status
    if (status.kind === 'Status') return new ApiError({ ...status, code: status.code ?? code })
  } catch {
    // Not JSON: something between us and the API answered.
  }
  const message = text.trim().slice(0, 1024) || 'unknown'
  return new ApiError({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, code })
}

function queryText(query: Query | undefined): string {
  const parts = Object.entries(query ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  return parts.length > 0 ? `?${parts.join('&')}` : ''
}
