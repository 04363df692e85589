/**
 * Makes the outcome of a write certain when its answer was lost. A member that hangs may hold a write for minutes and apply it when it
 * goes on, long after its client gave up and wrote again. So every write is made on the condition that this replica's fence still stands
 * where it stood when the write was sent; raising the fence, through a member that answers, ends all writes that are still on their way.
 */
import type { Members } from './members.ts'

const PREFIX = '/davit/fences/'

export class Fence {
  readonly key: string
  readonly #members: Members
  #revision = 0
  #raising: Promise<number> | undefined

  /** Replicas may share a name: then each also ends the others' writes, which are sent again. */
  constructor(members: Members, name: string) {
    this.key = `${PREFIX}${name}`
    this.#members = members
  }

  /** Where the fence stands, for a write that is about to be sent. Throws ApiError 503. */
  async current(): Promise<number> {
    return this.#revision || this.raisedAbove(0)
  }

  /** Resolves once no write that was sent under `revision` can be applied any more; gives where the fence stands. Throws ApiError 503. */
  async raisedAbove(revision: number): Promise<number> {
    if (this.#revision > revision) return this.#revision
    this.#raising ??= this.#raise().finally(() => {
      this.#raising = undefined
    })
    return this.#raising
  }

  /** Somebody found the fence at `revision`: a raise that was made twice was applied twice. */
  found(revision: number): void {
    this.#revision = Math.max(this.#revision, revision)
  }

  async #raise(): Promise<number> {
    const key = Buffer.from(this.key)
    const { header } = await this.#members.read('raise the fence', (kv, options) => kv.put({ key, value: Buffer.of() }, options))
    this.found(Number(header.revision))
    return this.#revision
  }
}
