/** Gets a pod's claims bound once its node is chosen: says what was chosen, and waits until both sides agree. */
import {
  type Client,
  type Clock,
  type Informer,
  key as keyOf,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  type StorageClass,
} from '@davit/api'
import { ANNOTATIONS, boundVolume, claimsOf, isBound, podUsesClaim } from '../volumes/index.ts'
import type { StorageView, VolumeChoice } from './pod-volumes.ts'

/** How long a pod keeps its place while its volumes are made, milliseconds; as Kubernetes has it. */
const BIND_MS_MAX = 600_000

export interface VolumeBinderOptions {
  client: Client
  clock: Clock
  signal: AbortSignal
  claims: Informer<PersistentVolumeClaim>
  volumes: Informer<PersistentVolume>
  classes: Informer<StorageClass>
  /** Pods that have a node, or are assumed to. */
  placedPods(): Iterable<Pod>
}

export class VolumeBinder {
  readonly #options: VolumeBinderOptions
  readonly #taken = new Set<string>()
  readonly #promised = new Set<string>()
  readonly #waiters = new Set<() => void>()

  constructor(options: VolumeBinderOptions) {
    this.#options = options
    options.claims.onChange(() => this.changed())
  }

  /** Something changed for which a binding may wait, such as its pod being deleted. */
  changed(): void {
    for (const look of [...this.#waiters]) look()
  }

  view(): StorageView {
    const { claims, volumes, classes, placedPods } = this.#options
    return {
      claim: (namespace, name) => claims.cache.get(`${namespace}/${name}`),
      volume: name => volumes.cache.get(name),
      volumes: () => volumes.cache.list(),
      storageClass: name => classes.cache.get(name),
      taken: this.#taken,
      promised: this.#promised,
      isUsedByOther(claim, pod) {
        for (const other of placedPods()) if (other.metadata.uid !== pod.metadata.uid && podUsesClaim(other, claim)) return true
        return false
      },
    }
  }

  /**
   * Resolves once every claim of the pod is bound. `isWanted`: whether the pod is still to run. Rejects with an ApiError when
   * somebody was faster, with another Error when there is no hope. What was promised counts from the call on.
   */
  bind(pod: Pod, node: string, choice: VolumeChoice, isWanted: () => boolean): Promise<void> {
    const claims = [...choice.provision, ...choice.bind.map(({ claim }) => claim)]
    const names = choice.bind.map(({ volume }) => volume.metadata.name ?? '')
    for (const { metadata } of claims) this.#promised.add(metadata.uid ?? '')
    for (const name of names) this.#taken.add(name)
    return this.#bind(pod, node, choice, isWanted).finally(() => {
      for (const { metadata } of claims) this.#promised.delete(metadata.uid ?? '')
      for (const name of names) this.#taken.delete(name)
    })
  }

  async #bind(pod: Pod, node: string, { bind, provision }: VolumeChoice, isWanted: () => boolean): Promise<void> {
    const { client, claims, volumes, signal } = this.#options
    for (const { volume, claim } of bind) {
      const written = await client.resource(persistentVolumeKind).update(boundVolume(volume, claim), { signal })
      await volumes.reached(written.metadata.resourceVersion ?? '', signal)
    }
    for (const claim of provision) {
      const { metadata } = claim
      const annotations = { ...metadata.annotations, [ANNOTATIONS.selectedNode]: node }
      const selected = { ...claim, metadata: { ...metadata, annotations } }
      const written = await client.resource(persistentVolumeClaimKind).update(selected, { signal })
      await claims.reached(written.metadata.resourceVersion ?? '', signal)
    }
    await this.#untilBound(pod, node, provision, isWanted)
  }

  #untilBound(pod: Pod, node: string, provision: readonly PersistentVolumeClaim[], isWanted: () => boolean): Promise<void> {
    const { claims, clock, signal } = this.#options
    const made = new Set(provision.map(({ metadata }) => metadata.uid))
    const isDone = (): boolean => {
      if (!isWanted()) throw new Error(`pod ${keyOf(pod)} is gone`)
      return claimsOf(pod).every(({ name }) => {
        const claim = claims.cache.get(`${pod.metadata.namespace}/${name}`)
        if (!claim) throw new Error(`persistentvolumeclaim "${name}" not found`)
        if (isBound(claim)) return true
        if (made.has(claim.metadata.uid) && claim.metadata.annotations?.[ANNOTATIONS.selectedNode] !== node) {
          throw new Error(`provisioning failed for PVC "${name}"`)
        }
        return false
      })
    }
    const over = new AbortController()
    return new Promise<void>((resolve, reject) => {
      const look = () => {
        try {
          if (isDone()) resolve()
        } catch (error) {
          reject(error)
        }
      }
      this.#waiters.add(look)
      over.signal.addEventListener('abort', () => this.#waiters.delete(look), { once: true })
      clock.sleep(BIND_MS_MAX, AbortSignal.any([signal, over.signal])).then(
        () => reject(new Error('timed out waiting for the condition')),
        () => reject(signal.reason),
      )
      look()
    }).finally(() => over.abort())
  }
}
