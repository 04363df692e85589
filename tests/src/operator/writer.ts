/** Somebody who creates, changes and deletes Notes at random, and knows in the end what there must be. */
import { setTimeout as delay } from 'node:timers/promises'
import type { KubeConfig } from '@kubernetes/client-node'
import { randomFrom } from '../control-plane/random-requests.ts'
import { hasCode, type Note, NotesApi } from './note.ts'

const LANES = 4
const RETRY_MS = 50
/** A server that stays away longer than this is lost. */
const TRIES_MAX = 600

export class Writer {
  /** The text of each Note that there must be. */
  readonly texts = new Map<string, string>()
  /** Versions that the answers to creates and changes named. */
  readonly versions: number[] = []
  acknowledged = 0
  /** How many requests had no answer and were sent again. */
  retried = 0
  readonly #notes: NotesApi
  readonly #seed: number

  constructor(config: KubeConfig, seed: number) {
    this.#notes = new NotesApi(config)
    this.#seed = seed
  }

  /** Makes `changes` changes on `objects` names; each name is one lane's, which makes one change after the other. */
  async run({ changes, objects }: { changes: number; objects: number }): Promise<void> {
    const lane = async (index: number) => {
      const random = randomFrom(this.#seed * 1000 + index)
      for (let count = index; count < changes; count += LANES) {
        const name = `note-${index + LANES * Math.floor((random() * objects) / LANES)}`
        await this.#change(name, `${count}`, random())
        this.acknowledged++
      }
    }
    await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)))
  }

  async #change(name: string, text: string, chance: number): Promise<void> {
    if (!this.texts.has(name)) {
      this.#keep(await this.#insist(() => this.#notes.create(name, text), 409))
      this.texts.set(name, text)
    } else if (chance < 0.15) {
      await this.#insist(() => this.#notes.delete(name), 404)
      this.texts.delete(name)
    } else {
      this.#keep(await this.#insist(() => this.#notes.setText(name, text)))
      this.texts.set(name, text)
    }
  }

  #keep(note: Note | undefined): void {
    if (note) this.versions.push(Number(note.metadata.resourceVersion))
  }

  /** Tries until there is an answer. At a second try, `done` is the code that says that the first was heard. */
  async #insist<T>(attempt: () => Promise<T>, done?: number): Promise<T | undefined> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt()
      } catch (error) {
        if (tries > 0 && done !== undefined && hasCode(error, done)) return undefined
        const isRefused = [400, 401, 403, 404, 405, 409, 422].some(code => hasCode(error, code))
        if (isRefused || tries === TRIES_MAX) throw error
        this.retried++
        await delay(RETRY_MS)
      }
    }
  }
}
