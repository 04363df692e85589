/** Kinds that show another's objects under names of their own: what is asked of them is done to what is stored. */
import { formatFieldSelector, type Kind, type KubernetesObject, parseFieldSelector, type View } from '@davit/api'
import type { StorageEvent, Stored } from '../../storage/types.ts'
import type { ApplyRequest } from './apply-to-stored.ts'
import { decodeBody } from './decode.ts'
import { PATCH_TRIES, patchAsWanted } from './patch.ts'
import type { Resources } from './resources.ts'
import type { Registry, RequestContext } from './types.ts'
import { bodyAsWanted, type UpdateRequest } from './update.ts'
import { validateChange, validateNew } from './validation.ts'

type Write = (context: RequestContext, request: Omit<UpdateRequest, 'part'>, subresource: string | undefined) => Promise<Stored>

interface Writes {
  write: Write
  apply: (context: RequestContext, request: ApplyRequest) => Promise<Stored & { created?: boolean }>
}

/** The registry, which also knows kinds that are views; `write` and `apply` carry out what is asked of the stored kind. */
export function withViews(registry: Registry, resources: Resources, { write, apply }: Writes): Registry {
  const storedKind = ({ of }: View<KubernetesObject>) => resources.kind(of.group, of.plural)
  /** What the client wants is judged as the kind it speaks, then written as the kind that is stored. */
  const translated = (kind: Kind, view: View<KubernetesObject>, wanted: UpdateRequest['wanted']): UpdateRequest['wanted'] => {
    return current => {
      const seen = viewed(view, current)
      const asked = wanted(seen)
      // Identity is the system's to judge and to keep.
      const judged = { ...asked, metadata: { ...seen.object.metadata, ...asked.metadata } }
      validateChange(kind, judged, seen.object)
      return view.toStored(asked)
    }
  }
  return {
    ...registry,
    get: (context, kind, target, options) => {
      const { view } = kind
      if (!view) return registry.get(context, kind, target, options)
      return registry.get(context, storedKind(view), target, options).then(stored => viewed(view, stored))
    },
    list: async (context, kind, options) => {
      const { view } = kind
      if (!view) return registry.list(context, kind, options)
      const result = await registry.list(context, storedKind(view), withStoredFields(view, options))
      return { ...result, items: result.items.map(stored => viewed(view, stored)) }
    },
    watch: (context, kind, parameters) => {
      const { view } = kind
      if (!view) return registry.watch(context, kind, parameters)
      return watchView(view, registry.watch(context, storedKind(view), withStoredFields(view, parameters)))
    },
    create: async (context, kind, namespace, body) => {
      const { view } = kind
      if (!view) return registry.create(context, kind, namespace, body)
      const wanted = decodeBody(kind, body, context)
      const { uid: _, name, generateName, ...metadata } = wanted.metadata
      const named = { ...metadata, name: name || `${generateName ?? ''}x`, ...(namespace && { namespace }) }
      validateNew(kind, { ...wanted, metadata: named })
      return viewed(view, await registry.create({ ...context, spoken: kind }, storedKind(view), namespace, view.toStored(wanted)))
    },
    update: async (context, kind, target, body, subresource) => {
      const { view } = kind
      if (!view) return registry.update(context, kind, target, body, subresource)
      const wanted = translated(kind, view, bodyAsWanted(kind, body, context))
      return viewed(view, await write({ ...context, spoken: kind }, { kind: storedKind(view), target, wanted }, subresource))
    },
    patch: async (context, kind, target, patch, subresource) => {
      const { view } = kind
      if (!view) return registry.patch(context, kind, target, patch, subresource)
      if (patch.type === 'apply') {
        const done = await apply(
          { ...context, spoken: kind },
          { spoken: kind, stored: storedKind(view), target, body: patch.body, subresource },
        )
        return Object.assign(viewed(view, done), { created: done.created === true })
      }
      const wanted = translated(kind, view, patchAsWanted(kind, patch, context))
      return viewed(
        view,
        await write({ ...context, spoken: kind }, { kind: storedKind(view), target, wanted, tries: PATCH_TRIES }, subresource),
      )
    },
    delete: async (context, kind, target, request) => {
      const { view } = kind
      if (!view) return registry.delete(context, kind, target, request)
      const { object, gone } = await registry.delete({ ...context, spoken: kind }, storedKind(view), target, request)
      return { object: viewed(view, object), gone }
    },
    deleteCollection: async (context, kind, options, request) => {
      const { view } = kind
      if (!view) return registry.deleteCollection(context, kind, options, request)
      const deleted = await registry.deleteCollection(
        { ...context, spoken: kind },
        storedKind(view),
        withStoredFields(view, options),
        request,
      )
      return deleted.map(stored => viewed(view, stored))
    },
  }
}

/** Field selectors name fields as the view has them. */
function withStoredFields<O extends { fieldSelector?: string }>({ storedField }: View<KubernetesObject>, options: O): O {
  if (!options.fieldSelector) return options
  const requirements = parseFieldSelector(options.fieldSelector).map(requirement => ({
    ...requirement,
    field: storedField(requirement.field),
  }))
  return { ...options, fieldSelector: formatFieldSelector(requirements) }
}

async function* watchView(view: View<KubernetesObject>, events: AsyncIterable<StorageEvent[]>): AsyncGenerator<StorageEvent[], void, void> {
  for await (const batch of events) yield batch.map(event => viewedEvent(view, event))
}

function viewedEvent(view: View<KubernetesObject>, event: StorageEvent): StorageEvent {
  if (event.type === 'bookmark') return event
  const { stored, previous } = event
  return { ...event, stored: viewed(view, stored), ...(previous && { previous: viewed(view, previous) }) }
}

function viewed(view: View<KubernetesObject>, stored: Stored): Stored {
  return new Viewed(view, stored)
}

/** Made when it is looked at. */
class Viewed implements Stored {
  readonly key: string
  readonly revision: number
  readonly #view: View<KubernetesObject>
  readonly #stored: Stored
  #object: KubernetesObject | undefined
  #bytes: Buffer | undefined

  constructor(view: View<KubernetesObject>, stored: Stored) {
    this.key = stored.key
    this.revision = stored.revision
    this.#view = view
    this.#stored = stored
  }

  get object(): KubernetesObject {
    this.#object ??= this.#view.fromStored(this.#stored.object)
    return this.#object
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(JSON.stringify(this.object))
    return this.#bytes
  }
}
