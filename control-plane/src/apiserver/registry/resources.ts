import {
  apiVersionOf,
  badRequest,
  type Convert,
  type CustomPart,
  describeSchema,
  type Kind,
  type KubernetesObject,
  notFound,
  qualifiedResource,
  type Target,
} from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { StoredResource } from '../../storage/types.ts'
import { type ConvertByWebhook, VersionedResource } from './versioned-resource.ts'

/** How a kind lies in etcd. */
export function storedResourceOf(kind: Kind): StoredResource {
  const nodeOf = kind.selectableFields['spec.nodeName']
  return {
    name: qualifiedResource(kind),
    prefix: `/registry/${kind.storagePrefix}/`,
    namespaced: kind.namespaced,
    encrypted: kind.group === '' && kind.kind === 'Secret',
    ...(nodeOf && { indexByNode: (object: KubernetesObject) => nodeOf(object) || undefined }),
  }
}

/** The etcd key of one object; throws BadRequest when the target cannot name one. */
export function keyOf(kind: Kind, target: Target): string {
  if (target.name === '') throw badRequest('name is required')
  if (target.name.includes('/') || target.namespace?.includes('/')) throw notFound(kind, target.name)
  if (!kind.namespaced) return `/registry/${kind.storagePrefix}/${target.name}`
  if (!target.namespace) throw badRequest('namespace is required')
  return `/registry/${kind.storagePrefix}/${target.namespace}/${target.name}`
}

/** The target an object has. */
export function targetOf(object: KubernetesObject): Target {
  const { name = '', namespace } = object.metadata
  return { name, ...(namespace !== undefined && { namespace }) }
}

/** The kinds served and how each is stored. */
export class Resources {
  readonly #kinds: KindRegistry
  readonly #convert: ConvertByWebhook
  readonly #stored = new Map<string, StoredResource>()
  readonly #custom = new WeakMap<Kind, StoredResource>()
  readonly #versions = new Map<Kind, Convert>()

  constructor(kinds: KindRegistry, convert: ConvertByWebhook) {
    this.#kinds = kinds
    this.#convert = convert
    for (const kind of kinds.builtIn) if (!kind.view) this.#stored.set(qualifiedResource(kind), storedResourceOf(kind))
  }

  /** Of kinds that are always there. */
  all(): IterableIterator<StoredResource> {
    return this.#stored.values()
  }

  /** Every kind served. */
  get kinds(): readonly Kind[] {
    return this.#kinds.all
  }

  serves(kind: Kind): boolean {
    if (kind.custom) return this.#kinds.hasDefinition(kind.custom.definition.name)
    return this.#stored.has(qualifiedResource(kind))
  }

  /** Throws NotFound for a kind that is not served. */
  stored(kind: Kind): StoredResource {
    if (kind.custom) return this.#storedCustom(kind, kind.custom)
    const resource = this.#stored.get(qualifiedResource(kind))
    if (!resource) throw notFound(kind, '')
    return resource
  }

  /** Each version of a user's kind has its own sight of what is stored: as its schema is now, whoever asks with which one. */
  #storedCustom(asked: Kind, { definition }: CustomPart): StoredResource {
    if (!this.#kinds.hasDefinition(definition.name)) throw notFound(asked, '')
    const served = this.#kinds.find(asked.group, asked.version, asked.plural)
    const kind = served?.custom ? served : asked
    let resource = this.#custom.get(kind)
    if (!resource) {
      resource = new VersionedResource(storedResourceOf(kind), kind, this.#convert)
      this.#custom.set(kind, resource)
    }
    return resource
  }

  /** A served and stored kind by its group and plural. */
  kind(group: string, plural: string): Kind {
    const kind = this.#kinds.all.find(kind => !kind.view && kind.group === group && kind.plural === plural)
    if (!kind) throw notFound({ group, plural }, '')
    return kind
  }

  /** How objects of `kind` look in every version served of what is stored: its own, and those of kinds that show it as theirs. */
  versions(kind: Kind): Convert {
    const known = this.#versions.get(kind)
    if (known) return known
    const of = kind.view ? kind.view.of : kind
    const same = this.#kinds.all.filter(other => other === kind || isOf(other, of) || (other.view && isOf(other.view.of, of)))
    const byVersion = new Map(same.map(other => [apiVersionOf(other), other]))
    const convert: Convert = (object, apiVersion) => {
      const wanted = apiVersion === apiVersionOf(kind) ? kind : byVersion.get(apiVersion)
      if (!wanted) return undefined
      const node = describeSchema(wanted)
      // Nothing, before it is created, is nothing in every version.
      if (wanted === kind || Object.keys(object).length === 0) return { node, object }
      const stored = kind.view ? kind.view.toStored(object as KubernetesObject) : (object as KubernetesObject)
      return { node, object: wanted.view ? wanted.view.fromStored(stored) : stored }
    }
    // Versions of users' kinds come and go.
    if (!kind.custom) this.#versions.set(kind, convert)
    return convert
  }
}

function isOf(kind: Pick<Kind, 'group' | 'plural'>, { group, plural }: Pick<Kind, 'group' | 'plural'>): boolean {
  return kind.group === group && kind.plural === plural
}
