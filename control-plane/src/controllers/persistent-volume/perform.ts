/** Carries out what was planned for a claim or a volume. */
import {
  isReason,
  type Kind,
  type KubernetesObject,
  type PersistentVolume,
  type PersistentVolumeClaim,
  persistentVolumeClaimKind,
  persistentVolumeKind,
} from '@davit/api'
import type { ControllerContext } from '../context.ts'
import type { Action } from './actions.ts'

/** The same is not told again within this time, milliseconds: a claim that waits is looked at often. */
const SAID_MS = 60_000

export interface Performer {
  /** Rejects with Conflict when somebody was faster; the rest was then not done. */
  perform(key: string, actions: readonly Action[]): Promise<void>
  /** The object is gone: what was told of it may be told of its successor. */
  forget(key: string): void
}

export function createPerformer(context: ControllerContext, lookAtClaim: (key: string) => void): Performer {
  const said = new Map<string, { text: string; at: number }>()

  const tell = (key: string, { object, type, reason, message }: Extract<Action, { kind: 'event' }>) => {
    const text = `${object.metadata.uid} ${reason} ${message}`
    const now = context.clock.monotonic()
    const last = said.get(key)
    if (last?.text === text && now - last.at < SAID_MS) return
    said.set(key, { text, at: now })
    context.events.event(object, type, reason, message)
  }

  return {
    async perform(key, actions) {
      const writer = new Writer(context)
      for (const action of actions) {
        switch (action.kind) {
          case 'create-volume':
            if (!(await writer.create(action.volume))) return
            break
          case 'write-volume':
            await writer.write(persistentVolumeKind, action.volume)
            break
          case 'write-volume-status':
            await writer.write(persistentVolumeKind, { ...action.volume, status: action.status }, 'status')
            break
          case 'write-claim':
            await writer.write(persistentVolumeClaimKind, action.claim)
            break
          case 'write-claim-status':
            await writer.write(persistentVolumeClaimKind, { ...action.claim, status: action.status }, 'status')
            break
          case 'look-at-claim':
            lookAtClaim(action.key)
            break
          case 'event':
            tell(key, action)
            break
          default:
            action satisfies never
        }
      }
    },
    forget(key) {
      said.delete(key)
    },
  }
}

/** Writes in a row: of an object written before, the next write goes on from that version. */
class Writer {
  readonly #context: ControllerContext
  readonly #versions = new Map<string, string>()

  constructor(context: ControllerContext) {
    this.#context = context
  }

  /** False when the volume is there already. */
  async create(volume: PersistentVolume): Promise<boolean> {
    const { client, signal } = this.#context
    try {
      const made = await client.resource(persistentVolumeKind).create(volume, { signal })
      await this.#reached(persistentVolumeKind, made)
      return true
    } catch (error) {
      if (isReason(error, 'AlreadyExists')) return false
      throw error
    }
  }

  async write<T extends PersistentVolume | PersistentVolumeClaim>(kind: Kind<T>, object: T, subresource?: string): Promise<void> {
    const { client, signal } = this.#context
    const uid = object.metadata.uid ?? ''
    const resourceVersion = this.#versions.get(uid) ?? object.metadata.resourceVersion ?? ''
    const wanted = { ...object, metadata: { ...object.metadata, resourceVersion } }
    const written = await client.resource(kind).update(wanted, { signal, ...(subresource && { subresource }) })
    this.#versions.set(uid, written.metadata.resourceVersion ?? '')
    await this.#reached(kind, written)
  }

  /** The next decision is made with what was written. */
  async #reached<T extends KubernetesObject>(kind: Kind<T>, { metadata }: KubernetesObject): Promise<void> {
    await this.#context.informer(kind).reached(metadata.resourceVersion ?? '', this.#context.signal)
  }
}
