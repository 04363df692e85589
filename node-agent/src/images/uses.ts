/**
 * What must be remembered of images beyond Docker's own knowledge: which ones this agent pulled, under which names, and when each was last
 * used. A small file, so that a restart neither forgets what is ours to remove nor makes everything look unused.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, canonicalImageName, type Logger } from '@davit/api'
import { z } from 'zod'
import type { Docker, ImageInfo } from '../docker/index.ts'

const FILE = 'images.json'
const SAVE_MS = 5_000

const entrySchema = z.object({
  /** Canonical names under which this agent pulled it; empty: somebody else brought it. */
  pulled: z.array(z.string()),
  /** Wall clock, milliseconds. */
  firstSeen: z.number(),
  lastUsed: z.number().optional(),
})
const fileSchema = z.object({
  format: z.literal(1),
  images: z.record(z.string(), entrySchema),
  /** Pulls under way: id that the name had before, empty for none. */
  pulling: z.record(z.string(), z.string()).default({}),
})

export type ImageUse = z.infer<typeof entrySchema>

export class ImageUses {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Logger
  readonly #signal: AbortSignal
  #images = new Map<string, ImageUse>()
  /** By name: what had it before the first of these pulls began. With several credentials there may be several at once. */
  readonly #pulling = new Map<string, { idBefore: string; pulls: number }>()
  #saving: Promise<void> = Promise.resolve()
  #isDirty = false
  #soon: Promise<void> | undefined

  constructor(dataDir: string, { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal }) {
    this.#path = join(dataDir, FILE)
    this.#clock = clock
    this.#log = log
    this.#signal = signal
  }

  /** What an earlier run wrote; pulls that it did not see the end of are looked at. A file that cannot be read is as none. */
  async load(docker: Pick<Docker, 'inspectImage'>): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => undefined)
    if (text === undefined) return
    let pulling: Record<string, string>
    try {
      const file = fileSchema.parse(JSON.parse(text))
      this.#images = new Map(Object.entries(file.images))
      pulling = file.pulling
    } catch (err) {
      this.#log.warn(
        { path: this.#path, err },
        'Cannot read what is remembered of images: those pulled so far are not removed when the disk is full',
      )
      return
    }
    for (const [name, before] of Object.entries(pulling)) {
      const image = await docker.inspectImage(name).catch(() => undefined)
      if (image && image.id !== before) this.#own(image.id, name)
    }
  }

  get(id: string): ImageUse | undefined {
    return this.#images.get(id)
  }

  /** Before a pull: `idBefore` of what has the name now. On the disk when it resolves. */
  async pulling(name: string, idBefore: string | undefined): Promise<void> {
    const others = this.#pulling.get(name)
    if (others) others.pulls++
    else this.#pulling.set(name, { idBefore: idBefore ?? '', pulls: 1 })
    await this.#save()
  }

  /** After it, with what the name is now; undefined when the pull failed. One that was there before stays whose it was. */
  async pulled(name: string, id: string | undefined): Promise<void> {
    const pulling = this.#pulling.get(name)
    if (!pulling) return
    pulling.pulls--
    if (pulling.pulls === 0) this.#pulling.delete(name)
    if (id !== undefined && (id !== pulling.idBefore || this.#images.get(id)?.pulled.length)) this.#own(id, name)
    await this.#save()
  }

  used(id: string): void {
    const use = this.#entry(id)
    use.lastUsed = this.#clock.now()
    this.#saveSoon()
  }

  /**
   * Brings it in line with what Docker has, listed no earlier than `since`, wall clock: what is gone is forgotten, also for the case that
   * somebody else pulls it next. What the agent pulled meanwhile may be missing from the list.
   */
  see(images: readonly Pick<ImageInfo, 'id'>[], { inUse, since }: { inUse: ReadonlySet<string>; since: number }): void {
    const present = new Set(images.map(({ id }) => id))
    for (const [id, { lastUsed = 0 }] of this.#images) if (!present.has(id) && lastUsed < since) this.#images.delete(id)
    for (const id of present) {
      const use = this.#entry(id)
      if (inUse.has(id)) use.lastUsed = this.#clock.now()
    }
    this.#saveSoon()
  }

  /** Once everything is written that was to be. */
  get saved(): Promise<void> {
    return this.#isDirty ? this.#save() : this.#saving
  }

  #entry(id: string): ImageUse {
    const use = this.#images.get(id) ?? { pulled: [], firstSeen: this.#clock.now() }
    this.#images.set(id, use)
    return use
  }

  #own(id: string, name: string): void {
    const use = this.#entry(id)
    const canonical = canonicalImageName(name)
    if (!use.pulled.includes(canonical)) use.pulled.push(canonical)
    use.lastUsed = this.#clock.now()
  }

  #saveSoon(): void {
    this.#isDirty = true
    this.#soon ??= this.#clock
      .sleep(SAVE_MS, this.#signal)
      .catch(() => {})
      .then(() => {
        this.#soon = undefined
        return this.#isDirty ? this.#save() : undefined
      })
  }

  /** One write after the other, each with what is known when it begins. */
  #save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      this.#isDirty = false
      const pulling = Object.fromEntries([...this.#pulling].map(([name, { idBefore }]) => [name, idBefore]))
      const file = { format: 1, images: Object.fromEntries(this.#images), pulling }
      try {
        await writeFile(`${this.#path}.new`, JSON.stringify(file), { mode: 0o600 })
        await rename(`${this.#path}.new`, this.#path)
      } catch (err) {
        // A full disk must not keep pods from starting.
        this.#log.warn({ path: this.#path, err }, 'Cannot write what is remembered of images')
      }
    })
    return this.#saving
  }
}
