import {
  type Client,
  type Clock,
  type EventRecorder,
  type Informer,
  type Kind,
  type KubernetesObject,
  type Logger,
  type OwnerReference,
  startInformer,
} from '@davit/api'

/** What every controller is given. */
export interface ControllerContext {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly events: EventRecorder
  /**
   * The one informer of a kind that all controllers share; indexed by `owner` (uid of the controlling
   * owner), `dependents` (uid of any owner), `namespace` and `node`.
   */
  informer<T extends KubernetesObject>(kind: Kind<T>): Informer<T>
  /** One by itself, indexed as the shared ones, of a kind that may go: it ends with `signal`, at the latest with the context's. */
  ownInformer(kind: Kind, signal: AbortSignal): Informer<KubernetesObject>
}

/** Makes the context of one term of leadership; its informers end with `signal`. */
export function createContext(options: Omit<ControllerContext, 'informer' | 'ownInformer'>): ControllerContext {
  const informers = new Map<string, Informer<KubernetesObject>>()
  const start = (kind: Kind, signal: AbortSignal) =>
    startInformer<KubernetesObject>(options.client, kind, {
      indexers: {
        owner: object => controllerOf(object).map(owner => owner.uid),
        dependents: object => (object.metadata.ownerReferences ?? []).map(owner => owner.uid),
        namespace: object => [object.metadata.namespace ?? ''],
        node: object => nodeNameOf(object),
      },
      signal,
      log: options.log,
      clock: options.clock,
    })
  return {
    ...options,
    ownInformer: (kind, signal) => start(kind, AbortSignal.any([signal, options.signal])),
    informer<T extends KubernetesObject>(kind: Kind<T>): Informer<T> {
      const name = `${kind.plural}.${kind.group}`
      let informer = informers.get(name)
      if (!informer) {
        informer = start(kind as unknown as Kind, options.signal)
        informers.set(name, informer)
      }
      return informer as unknown as Informer<T>
    },
  }
}

/** The owner that controls `object`: none or one. */
export function controllerOf({ metadata }: KubernetesObject) {
  return (metadata.ownerReferences ?? []).filter(owner => owner.controller === true).slice(0, 1)
}

/** What an object that `owner` controls says of it. */
export function controllerReference(
  { apiVersion, kind }: Pick<KubernetesObject, 'apiVersion' | 'kind'>,
  { metadata }: KubernetesObject,
): OwnerReference {
  return { apiVersion, kind, name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }
}

function nodeNameOf(object: KubernetesObject): readonly string[] {
  const name = (object as { spec?: { nodeName?: unknown } }).spec?.nodeName
  return typeof name === 'string' && name !== '' ? [name] : []
}

/**
 * Resolves once `holds` is true of the informer's cache: how a controller reads its own write when it knows no version for it.
 * Gives up silently after `timeoutMs`: the next reconcile then decides from what the cache has.
 */
export function settled<T extends KubernetesObject>(
  informer: Informer<T>,
  holds: () => boolean,
  { signal, timeoutMs = 5_000, clock }: { signal: AbortSignal; timeoutMs?: number; clock: Clock },
): Promise<void> {
  if (holds()) return Promise.resolve()
  return new Promise(resolve => {
    const over = new AbortController()
    const stop = informer.onChange(() => holds() && finish())
    const finish = () => {
      stop()
      over.abort()
      resolve()
    }
    clock.sleep(timeoutMs, AbortSignal.any([signal, over.signal])).then(finish, finish)
  })
}
