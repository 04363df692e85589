/** Requests of every kind, right and wrong, drawn from a seed. */
import { apiVersionOf, type KubernetesObject, type ScalarNode, type SchemaNode } from '@davit/api'
import { FUZZ_KINDS, type FuzzKind } from './fuzz-kinds.ts'
import { type Dice, randomProtobuf } from './random-protobuf.ts'
import type { Ask } from './send.ts'

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const NAMES = ['a', 'web', 'web-0', 'kubernetes', 'default']
const NAMESPACES = ['default', 'fuzz']
const ODD_NAMESPACES = ['kube-system', 'nope', '..%2f', '%00', 'A', '__proto__']
const PLAIN_TEXTS = ['a', 'web', 'app', 'main', 'http', '10.96.0.77', '10.1.2.3', 'TCP', 'x.example.com', '/a', '80']
const TEXTS = [
  '',
  'a',
  'web',
  'app',
  '1',
  '0',
  '-1',
  '100m',
  '1Gi',
  '25%',
  '10.96.0.77',
  '10.0.0.0/8',
  'TCP',
  'x'.repeat(70),
  'Ä',
  '\0',
  '💥',
  '../x',
  '__proto__',
  'constructor',
  'a/b',
  '2026-01-02T03:04:05Z',
  'YQ==',
  '=',
  '{}',
  '\n',
]
const NUMBERS = [0, 1, -1, 2, 80, 443, 0.5, 1e9, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53, 1e300, -1e300]
const METHODS = ['GET', 'GET', 'POST', 'POST', 'POST', 'PUT', 'PUT', 'PATCH', 'PATCH', 'PATCH', 'PATCH', 'DELETE']
const ODD_METHODS = ['HEAD', 'OPTIONS', 'FROB', 'TRACE']
const TYPES = [
  'application/json',
  'application/yaml',
  'application/merge-patch+json',
  'application/json-patch+json',
  'text/plain',
  '',
  'application/vnd.kubernetes.protobuf',
  'application/apply-patch+yaml',
  ';',
]
const ACCEPTS = [
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/yaml',
  '*/*',
  'image/png',
  ';q=',
  'application/json;as=Table;v=v9;g=meta.k8s.io',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
]
const QUERY_NAMES = [
  'labelSelector',
  'fieldSelector',
  'limit',
  'continue',
  'resourceVersionMatch',
  'watch',
  'dryRun',
  'fieldValidation',
  'fieldManager',
  'pretty',
  'includeObject',
  'propagationPolicy',
  'gracePeriodSeconds',
  'sendInitialEvents',
  'allowWatchBookmarks',
  'force',
  'timeout',
  '__proto__',
]
const QUERY_VALUES = [
  '',
  '0',
  '1',
  '-1',
  'true',
  'All',
  'Strict',
  'Warn',
  'Ignore',
  'Exact',
  'NotOlderThan',
  'app=web',
  'app in (a',
  '!x',
  'metadata.name=web',
  'spec.nodeName=',
  'status.phase!=Running',
  'Metadata',
  'Background',
  '30s',
  '%00',
  '%zz',
  'x'.repeat(500),
]
const OTHER_PATHS = [
  '/',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/apps',
  '/version',
  '/healthz',
  '/livez/ping',
  '/readyz?verbose',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/apps/v1',
  '/openapi/v3/apis/fuzz.example.com/v1',
  '/apis/fuzz.example.com',
  '/apis/fuzz.example.com/v1',
  '/.well-known/openid-configuration',
  '/openid/v1/jwks',
  '/davit/v1/cluster',
  '/davit/v1/join',
  '/davit/v1/drain',
  '/davit/v1/tunnel',
  '/davit/v1/images',
  '/apis/apps/v1/nope',
  '//',
  '/api/v1/namespaces/default/%2e%2e/pods',
  '/apis/__proto__',
]

/** What is asked for through an API server. No node is connected. */
const PROXIED = [
  'namespaces/default/pods/web',
  'namespaces/fuzz/services/web',
  'nodes/web',
  'namespaces/default/services/https:kubernetes:443',
]

export class RandomRequests {
  readonly #random: () => number
  readonly #dice: Dice = {
    chance: probability => this.#chance(probability),
    count: max => this.#count(max),
    pick: values => this.#pick(values),
  }

  constructor(seed: number) {
    this.#random = randomFrom(seed)
  }

  next(): Ask {
    const method = this.#pick(this.#chance(0.03) ? ODD_METHODS : METHODS)
    if (this.#chance(0.05)) return { method, path: this.#pick(OTHER_PATHS) + this.#query(false), ...this.#body(method, undefined, 'x') }
    if (this.#chance(0.01)) return this.#proxied(method)
    const kind = this.#pick(FUZZ_KINDS)
    const isWatch = method === 'GET' && this.#chance(0.1)
    const name = this.#pick(NAMES)
    const body = this.#body(method, kind, name)
    const isApply = body.headers?.['content-type'] === 'application/apply-patch+yaml'
    // Without a manager nothing is applied.
    const query =
      this.#query(isWatch) + (isApply && this.#chance(0.95) ? `&fieldManager=${this.#pick(NAMES)}&force=${this.#chance(0.5)}` : '')
    return { method, path: this.#path(kind, method, name) + query, ...body }
  }

  #proxied(method: string): Ask {
    const target = this.#pick(PROXIED) + this.#pick(['', ':80', ':http', ':99999'])
    const rest = this.#pick(['', '/', '/a/b?c=d', '/..%2f..%2fx', '/%zz', '//'])
    return { method, path: `/api/v1/${target}/proxy${rest}`, ...this.#body(method, undefined, 'x') }
  }

  #path(kind: FuzzKind, method: string, usual: string): string {
    const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
    const namespace = this.#pick(this.#chance(0.05) ? ODD_NAMESPACES : NAMESPACES)
    const collection = kind.namespaced && !this.#chance(0.03) ? `${root}/namespaces/${namespace}/${kind.plural}` : `${root}/${kind.plural}`
    const wantsName = method === 'POST' ? this.#chance(0.05) : method === 'GET' ? this.#chance(0.6) : !this.#chance(0.02)
    if (!wantsName) return collection
    const name = this.#chance(0.04) ? encodeURIComponent(this.#pick(TEXTS)) : usual
    if (!this.#chance(method === 'POST' ? 1 : 0.2)) return `${collection}/${name}`
    const subresources = this.#chance(0.1) ? ['nope', '__proto__', 'scale', 'exec'] : kind.subresources
    return subresources.length > 0 ? `${collection}/${name}/${this.#pick(subresources)}` : `${collection}/${name}`
  }

  #query(isWatch: boolean): string {
    const parts = isWatch ? ['watch=1'] : []
    if (this.#chance(0.8)) return `?${[...parts, 'timeoutSeconds=1'].join('&')}`
    do parts.push(`${this.#pick(QUERY_NAMES)}=${this.#value(QUERY_VALUES)}`)
    while (this.#chance(0.35))
    // Any of them may turn out to be a watch.
    parts.push('timeoutSeconds=1')
    return `?${parts.join('&')}`
  }

  #value(values: readonly string[]): string {
    return this.#pick(values).replaceAll(' ', '%20')
  }

  #body(method: string, kind: FuzzKind | undefined, name: string): Pick<Ask, 'headers' | 'body'> {
    const headers: Record<string, string> = this.#chance(0.08) ? { accept: this.#pick(ACCEPTS) } : {}
    if (method === 'GET' || method === 'HEAD') return { headers }
    if (this.#chance(0.03)) headers['content-type'] = this.#pick(TYPES)
    if (method === 'PATCH') return this.#patch(kind, name, headers)
    if (method === 'DELETE' && this.#chance(0.7)) return { headers }
    if (kind && this.#chance(0.08)) {
      const about = { apiVersion: apiVersionOf(kind), kind: kind.kind, texts: TEXTS }
      return { headers: { ...headers, 'content-type': 'application/vnd.kubernetes.protobuf' }, body: randomProtobuf(this.#dice, about) }
    }
    const object = kind ? this.#object(kind, name) : this.#anything(3)
    return { headers, body: this.#spoil(method === 'DELETE' ? this.#anything(3) : object) }
  }

  #patch(kind: FuzzKind | undefined, name: string, headers: Record<string, string>): Pick<Ask, 'headers' | 'body'> {
    const type = this.#pick(['merge-patch', 'strategic-merge-patch', 'json-patch', 'apply-patch'])
    const object = kind ? this.#object(kind, name) : {}
    if (type === 'apply-patch')
      return { headers: { 'content-type': 'application/apply-patch+yaml', ...headers }, body: this.#applied(object) }
    if (this.#chance(0.8)) Reflect.deleteProperty(object, 'metadata')
    const body = type === 'json-patch' ? Array.from({ length: this.#count(4) }, () => this.#operation(object)) : object
    return { headers: { 'content-type': `application/${type}+json`, ...headers }, body: this.#spoil(body) }
  }

  /** As JSON, which is read as that, or behind what makes YAML of it. */
  #applied(object: object): string | Buffer {
    return this.#chance(0.7) ? this.#spoil(object) : `---\n${JSON.stringify(limited(object), null, 2)}`
  }

  #operation(object: object): object {
    const path = pathsIn(object)
    const at = () => (this.#chance(0.2) ? this.#pick(TEXTS) : this.#pick(path.length > 0 ? path : ['/metadata']))
    const op = this.#pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'frob'])
    return { op, path: at(), ...(this.#chance(0.5) && { from: at() }), ...(this.#chance(0.8) && { value: this.#anything(2) }) }
  }

  /** Of the right types, mostly, with anything in them. */
  #object(kind: FuzzKind, name: string): Record<string, unknown> {
    const object = (this.#ofNode(kind.node(), 0) ?? {}) as Record<string, unknown>
    const metadata = { ...(object.metadata as object | undefined), name: this.#chance(0.05) ? this.#pick(NAMES) : name }
    Reflect.deleteProperty(metadata, 'namespace')
    if (!this.#chance(0.05)) for (const field of ['uid', 'resourceVersion', 'deletionTimestamp']) Reflect.deleteProperty(metadata, field)
    const isRight = this.#chance(0.97)
    return limited({
      ...SAMPLES[kind.kind],
      ...(this.#chance(0.8) ? object : {}),
      ...(isRight && { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata }),
    })
  }

  #ofNode(node: SchemaNode, depth: number): unknown {
    if (this.#chance(0.01)) return this.#anything(2)
    switch (node.type) {
      case 'object': {
        // The deeper, the fewer, so that it ends; what is required is left out at times.
        const fields = Object.entries(node.fields).filter(([name]) => this.#chance(node.required.includes(name) ? 0.9 : 0.35 / (depth + 1)))
        return Object.fromEntries(fields.map(([name, field]) => [name, this.#ofNode(field, depth + 1)]))
      }
      case 'map':
        return Object.fromEntries(
          Array.from({ length: this.#count(3) }, () => [
            this.#pick(this.#chance(0.8) ? PLAIN_TEXTS : TEXTS),
            this.#ofNode(node.values, depth + 1),
          ]),
        )
      case 'list':
        return Array.from({ length: this.#count(3) }, () => this.#ofNode(node.items, depth + 1))
      case 'boolean':
        return this.#chance(0.5)
      case 'integer':
      case 'number':
        return this.#chance(0.7) ? 1 + this.#count(90) : this.#pick(NUMBERS)
      case 'int-or-string':
        return this.#chance(0.5) ? this.#pick(NUMBERS) : this.#pick(TEXTS)
      case 'string':
        return this.#text(node)
      case 'quantity':
        return this.#chance(0.8) ? this.#pick(['1', '100m', '1Gi', '1e3', '-1', '999999999999Ei']) : this.#pick(TEXTS)
      case 'any':
        return this.#anything(2)
    }
  }

  #text({ enum: values, format }: ScalarNode): string {
    if (this.#chance(0.08)) return this.#pick(TEXTS)
    if (values) return this.#pick(values)
    if (format === 'date-time') return this.#pick(['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.123456Z', '1970-01-01T00:00:00+02:00'])
    return format === 'byte' ? 'YWI=' : this.#pick(PLAIN_TEXTS)
  }

  #anything(depth: number): unknown {
    const what = this.#count(depth > 0 ? 8 : 6)
    if (what === 0) return null
    if (what === 1) return this.#chance(0.5)
    if (what < 4) return this.#pick(NUMBERS)
    if (what < 6) return this.#pick(TEXTS)
    if (what === 6) return Array.from({ length: this.#count(4) }, () => this.#anything(depth - 1))
    return Object.fromEntries(
      Array.from({ length: this.#count(4) }, () => [this.#pick(['spec', 'metadata', 'name', ...TEXTS]), this.#anything(depth - 1)]),
    )
  }

  /** Now and then the bytes themselves are broken. */
  #spoil(value: unknown): string | Buffer {
    const text = JSON.stringify(limited(value)) ?? ''
    if (!this.#chance(0.02)) return text
    const at = Math.floor(this.#random() * text.length)
    switch (this.#count(4)) {
      case 0:
        return text.slice(0, at)
      case 1:
        return text.slice(0, at) + this.#pick(['"', '{', ']', '\\', ',', '\0', '__proto__']) + text.slice(at)
      case 2:
        return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from(text.slice(at))])
      default:
        return ''
    }
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** From 0 to below `max`. */
  #count(max: number): number {
    return Math.floor(this.#random() * max)
  }
}

/** JSON pointers into a value. */
function pathsIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, `${path}/${key}`))]
}

/** Few replicas and no deletion of what all need: controllers would do as they are told. */
function limited<T>(value: T): T {
  const text = JSON.stringify(value, (key, inner) => (key === 'replicas' && typeof inner === 'number' && inner > 3 ? 2 : inner))
  return text === undefined ? value : (JSON.parse(text) as T)
}

const POD_SPEC = { containers: [{ name: 'main', image: 'nginx:1.25' }] }
const WORKLOAD = {
  replicas: 1,
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels: { app: 'web' } }, spec: POD_SPEC },
}
const SAMPLES: Readonly<Record<string, Partial<KubernetesObject> & Record<string, unknown>>> = {
  Pod: { spec: POD_SPEC },
  Deployment: { spec: WORKLOAD },
  ReplicaSet: { spec: WORKLOAD },
  Service: { spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } },
  ConfigMap: { data: { a: 'b' } },
  Secret: { data: { a: 'Yg==' } },
  EndpointSlice: { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'] }], ports: [{ name: '', port: 80 }] },
  Endpoints: { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] },
  Event: { involvedObject: { kind: 'Pod', name: 'web', namespace: 'default' }, reason: 'Why', message: 'Because', type: 'Normal' },
  Lease: { spec: { holderIdentity: 'me', leaseDurationSeconds: 10 } },
  Widget: { spec: { size: 'web' } },
  Gadget: { spec: { size: 'web' } },
}
