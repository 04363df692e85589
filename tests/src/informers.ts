/** Informers of a test: one for each kind, kept until the test ends, and the wait for what they come to show. */
import { type HttpClient, type Informer, type Kind, type KubernetesObject, startInformer } from '@davit/api'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
/** Longest a step of a test may take, milliseconds; a cluster in good health needs a fraction of it. */
const PATIENCE_MS = 60_000

export class Informers {
  readonly #client: HttpClient
  readonly #signal: AbortSignal
  readonly #informers = new Map<string, Informer<KubernetesObject>>()

  constructor(client: HttpClient, signal: AbortSignal) {
    this.#client = client
    this.#signal = signal
  }

  of<T extends KubernetesObject>(kind: Kind<T>): Informer<T> {
    const name = `${kind.group}/${kind.version}/${kind.plural}`
    let informer = this.#informers.get(name)
    if (!informer) {
      informer = startInformer(this.#client, kind as unknown as Kind, { signal: this.#signal, log: SILENT })
      this.#informers.set(name, informer)
    }
    return informer as unknown as Informer<T>
  }

  /** Resolves with what `find` gives as soon as it gives something; throws after `timeoutMs`, naming `what`. */
  async until<T extends KubernetesObject, R>(
    kind: Kind<T>,
    what: string,
    find: (objects: readonly T[]) => R | undefined | false,
    timeoutMs = PATIENCE_MS,
  ): Promise<R> {
    const informer = this.of(kind)
    await informer.synced
    return new Promise((resolve, reject) => {
      let stopListening = () => {}
      const timer = setTimeout(() => {
        stopListening()
        const state = [...informer.cache.list()].map(summary)
        reject(new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}; there is:\n${state.join('\n').slice(0, 6_000)}`))
      }, timeoutMs)
      const look = () => {
        const found = find([...informer.cache.list()])
        if (found === undefined || found === false) return
        clearTimeout(timer)
        stopListening()
        resolve(found)
      }
      stopListening = informer.onChange(look)
      look()
    })
  }
}

/** One line that says how an object is. */
function summary(object: KubernetesObject): string {
  const { status, spec } = object as {
    status?: { phase?: string; conditions?: { type: string; status: string; reason?: string }[] }
    spec?: { nodeName?: string }
  }
  const conditions = (status?.conditions ?? []).map(
    condition => `${condition.type}=${condition.status}${condition.reason ? `(${condition.reason})` : ''}`,
  )
  const deleting = object.metadata.deletionTimestamp ? 'being deleted' : ''
  return [object.metadata.namespace, object.metadata.name, spec?.nodeName, status?.phase, deleting, ...conditions].filter(Boolean).join(' ')
}
