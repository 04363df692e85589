/** Whatever may own or be owned: kinds that are always there, and those that users define while they do. */
import {
  apiVersionOf,
  type Change,
  type CustomResourceDefinition,
  customResourceDefinitionKind,
  type Informer,
  KINDS,
  type Kind,
  type KubernetesObject,
  type OwnerReference,
} from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { customKindOf } from '../custom-kinds.ts'

/** Kinds that neither own nor are owned, and change too often to be kept twice. */
const LEFT_OUT: readonly string[] = ['Event', 'Lease']
const COLLECTED = KINDS.filter(kind => !LEFT_OUT.includes(kind.kind))

/** How long the first objects of users' kinds are waited for, milliseconds. */
const SYNC_MS_MAX = 30_000

interface Followed {
  readonly kind: Kind
  readonly informer: Informer<KubernetesObject>
  readonly stop: () => void
}

export class Graph {
  readonly #context: ControllerContext
  readonly #onChange: (change: Change<KubernetesObject>) => void
  readonly #builtIn: readonly Kind[] = COLLECTED
  /** By the definition's name. */
  readonly #custom = new Map<string, Followed>()

  /** `onChange` hears of every object, as an informer's handlers do. */
  constructor(context: ControllerContext, onChange: (change: Change<KubernetesObject>) => void) {
    this.#context = context
    this.#onChange = onChange
  }

  /**
   * Resolves once everything that is always there is known, and so are the kinds that users have defined so far; those that cannot be read
   * hold nobody up for long. Further ones are followed as they come.
   */
  async start(): Promise<void> {
    const definitions = this.#context.informer(customResourceDefinitionKind)
    await Promise.all([definitions.synced, ...this.#builtIn.map(kind => this.#context.informer(kind).synced)])
    for (const kind of this.#builtIn) this.#context.informer(kind).onChange(this.#onChange)
    definitions.onChange(({ type, object }) => this.#follow(object, type === 'deleted'))
    const { clock, signal } = this.#context
    const known = Promise.all([...this.#custom.values()].map(({ informer }) => informer.synced.catch(() => {})))
    await Promise.race([known, clock.sleep(SYNC_MS_MAX, signal).catch(() => {})])
  }

  kinds(): Kind[] {
    return [...this.#builtIn, ...[...this.#custom.values()].map(({ kind }) => kind)]
  }

  /** Every version of a user's kind is the same kind. */
  find({ apiVersion, kind }: Pick<OwnerReference, 'apiVersion' | 'kind'>): Kind | undefined {
    const group = apiVersion.split('/')[0]
    return this.kinds().find(each => each.kind === kind && (each.custom ? each.group === group : apiVersionOf(each) === apiVersion))
  }

  informer(kind: Kind): Informer<KubernetesObject> {
    return (kind.custom && this.#custom.get(kind.custom.definition.name)?.informer) ?? this.#context.informer(kind)
  }

  #follow(definition: CustomResourceDefinition, isGone: boolean): void {
    const { name = '', uid } = definition.metadata
    const known = this.#custom.get(name)
    const kind = isGone ? undefined : customKindOf(definition)
    const isSame = known && kind && known.kind.custom?.definition.uid === uid && known.kind.version === kind.version
    if (isSame) return
    known?.stop()
    this.#custom.delete(name)
    if (!kind) return
    const life = new AbortController()
    const informer = this.#context.ownInformer(kind, life.signal)
    this.#custom.set(name, { kind, informer, stop: () => life.abort() })
    informer.onChange(this.#onChange)
  }
}
