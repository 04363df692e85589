/**
 * An operator as people write them with `@kubernetes/client-node`: an informer feeds a queue, and each Note is made into a ConfigMap that
 * it owns; the status says which generation that is. What the informer tells is kept, for a test to look at.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Backoff, runController, WorkQueue } from '@davit/api'
import { CoreV1Api, type KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node'
import { hasCode, NAMESPACE, NOTE_API, NOTES, type Note, NotesApi } from './note.ts'

const WORKERS = 8
const CONFLICTS_MAX = 20
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
export const OPERATOR_LABELS = { 'app.kubernetes.io/managed-by': 'note-operator' }

export interface Told {
  readonly what: 'add' | 'update' | 'delete'
  readonly name: string
  readonly uid: string
  readonly resourceVersion: number
}

/** What came in between is unknown to the informer, and may be. */
export interface Relisted {
  readonly what: 'list'
  /** The latest it had heard of, and what the list is of. */
  readonly after: number
  readonly resourceVersion: number
}

export class Operator {
  readonly told: (Told | Relisted)[] = []
  /** What happened how often. */
  readonly counts = { reconciles: 0, failures: 0, conflicts: 0, restarts: 0 }
  readonly #notes: NotesApi
  readonly #core: CoreV1Api
  readonly #informer: ReturnType<typeof makeInformer<Note>>
  readonly #queue = new WorkQueue({ backoffMs: { min: 20, max: 1000 } })
  #latest = 0

  constructor(config: KubeConfig) {
    this.#notes = new NotesApi(config)
    this.#core = config.makeApiClient(CoreV1Api)
    const path = `/apis/${NOTE_API}/namespaces/${NAMESPACE}/${NOTES.plural}`
    this.#informer = makeInformer<Note>(config, path, async () => {
      const list = await this.#notes.list()
      const resourceVersion = Number(list.metadata.resourceVersion)
      this.told.push({ what: 'list', after: this.#latest, resourceVersion })
      this.#latest = resourceVersion
      return list
    })
    for (const what of ['add', 'update', 'delete'] as const) this.#informer.on(what, note => this.#hear(what, note))
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ min: 50, max: 1000 })
    this.#informer.on('change', () => backoff.reset())
    this.#informer.on('error', async () => {
      this.counts.restarts++
      await delay(backoff.next())
      if (!signal.aborted) await this.#informer.start()
    })
    await this.#informer.start()
    await runController(this.#queue, key => this.#reconcile(key), { log: SILENT, signal, workers: WORKERS })
    await this.#informer.stop()
  }

  #hear(what: Told['what'], { metadata, status }: Note): void {
    const resourceVersion = Number(metadata.resourceVersion)
    this.told.push({ what, name: metadata.name ?? '', uid: metadata.uid ?? '', resourceVersion })
    this.#latest = Math.max(this.#latest, resourceVersion)
    // Its own write of the status is no news.
    if (status?.observedGeneration !== metadata.generation) this.#queue.add(metadata.name ?? '')
  }

  async #reconcile(name: string): Promise<void> {
    const note = this.#informer.get(name, NAMESPACE)
    // What it owned goes with it: that is the garbage collector's work.
    if (!note || note.metadata.deletionTimestamp) return
    this.counts.reconciles++
    try {
      await this.#write(note)
      await this.#report(note)
    } catch (error) {
      this.counts.failures++
      throw error
    }
  }

  async #write(note: Note): Promise<void> {
    const { name = '', uid = '' } = note.metadata
    const present = await this.#core.readNamespacedConfigMap({ name, namespace: NAMESPACE }).catch(error => {
      if (!hasCode(error, 404)) throw error
    })
    const wanted: V1ConfigMap = {
      metadata: {
        name,
        labels: OPERATOR_LABELS,
        ownerReferences: [{ apiVersion: NOTE_API, kind: 'Note', name, uid, controller: true, blockOwnerDeletion: true }],
      },
      data: { text: note.spec.text },
    }
    if (!present) {
      await this.#core.createNamespacedConfigMap({ namespace: NAMESPACE, body: wanted })
      return
    }
    if (present.metadata?.ownerReferences?.[0]?.uid !== uid) throw new Error(`ConfigMap "${name}" is still that of an earlier Note`)
    if (present.data?.text === note.spec.text) return
    const { resourceVersion = '' } = present.metadata ?? {}
    await this.#core.replaceNamespacedConfigMap({
      name,
      namespace: NAMESPACE,
      body: { ...wanted, metadata: { ...wanted.metadata, resourceVersion } },
    })
  }

  /** Writes what generation was acted on; whoever writes in between is read again, and never overruled by something older. */
  async #report(note: Note): Promise<void> {
    const { name = '', uid, generation = 0 } = note.metadata
    let latest = note
    for (let conflicts = 0; (latest.status?.observedGeneration ?? 0) < generation; conflicts++) {
      try {
        await this.#notes.replaceStatus({ ...latest, status: { observedGeneration: generation, configMap: name } })
        return
      } catch (error) {
        if (hasCode(error, 404)) return
        if (!hasCode(error, 409) || conflicts === CONFLICTS_MAX) throw error
      }
      this.counts.conflicts++
      const read = await this.#notes.get(name).catch(error => {
        if (!hasCode(error, 404)) throw error
      })
      if (read?.metadata.uid !== uid) return
      latest = read as Note
    }
  }
}
