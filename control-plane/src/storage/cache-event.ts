/** One key's change, as the ring keeps it and watchers see it. What is handed out is made once, whoever asks. */
import type { StoredObject } from './stored-object.ts'
import type { StorageEvent } from './types.ts'

type Change = Exclude<StorageEvent, { type: 'bookmark' }>

export class CacheEvent {
  readonly revision: number
  readonly key: string
  /** Undefined when the key was deleted. */
  readonly stored: StoredObject | undefined
  /** Undefined when the key was absent. */
  readonly previous: StoredObject | undefined
  /** Monotonic. */
  readonly atMs: number
  /** Of the object, or of the one that is gone. */
  readonly bytes: number
  #added: Change | undefined
  #modified: Change | undefined
  #deleted: Change | undefined

  constructor(event: Pick<CacheEvent, 'revision' | 'key' | 'stored' | 'previous' | 'atMs'>) {
    const object = event.stored ?? event.previous
    this.bytes = object && !object.failure ? object.bytes.length : 0
    this.revision = event.revision
    this.key = event.key
    this.stored = event.stored
    this.previous = event.previous
    this.atMs = event.atMs
  }

  /**
   * The change for someone who sees only objects that match; undefined when it concerns none of them. Throws when an
   * object they saw has become unreadable: leaving that out would show them the old one for ever.
   */
  seenBy(matches: (object: StoredObject) => boolean): Change | undefined {
    const { stored, previous } = this
    const matched = previous !== undefined && !previous.failure && matches(previous)
    if (stored?.failure) {
      if (matched) throw stored.failure
      return undefined
    }
    if (stored && matches(stored)) return matched ? this.#asModified(stored, previous) : this.#asAdded(stored)
    return matched ? this.#asDeleted(previous) : undefined
  }

  #asAdded(stored: StoredObject): Change {
    const { previous } = this
    this.#added ??= { type: 'added', stored, ...(previous && !previous.failure && { previous }) }
    return this.#added
  }

  #asModified(stored: StoredObject, previous: StoredObject): Change {
    this.#modified ??= { type: 'modified', stored, previous }
    return this.#modified
  }

  #asDeleted(previous: StoredObject): Change {
    this.#deleted ??= { type: 'deleted', stored: previous.at(this.revision), previous }
    return this.#deleted
  }
}
