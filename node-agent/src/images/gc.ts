/** Removes images while the disk is too full, as kubelet does: down from the high threshold to the low one. */
import { statfs } from 'node:fs/promises'
import type { Clock, Logger } from '@davit/api'
import type { Docker, ImageInfo } from '../docker/index.ts'
import { bytesToFree, type DiskUse, type GcPlan, namesOf, planImageGc } from './gc-plan.ts'
import type { ImageStore } from './image-store.ts'
import type { ImageUses } from './uses.ts'

export interface ImageGcOptions {
  readonly scope: 'own' | 'all'
  /** Per cent of the disk of Docker's root. 100 as the high one: never. */
  readonly highPercent: number
  readonly lowPercent: number
  /** Globs of names that stay. */
  readonly pinned: readonly string[]
  readonly ageMsMin?: number
  readonly everyMs?: number
}

interface GcDeps {
  docker: Docker
  store: ImageStore
  uses: ImageUses
  /** Images named by pods of this node; undefined while they are not known. */
  wantedNames: () => readonly string[] | undefined
  /** An event of the Node. */
  warn: (reason: string, message: string) => void
  options: ImageGcOptions
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface ImageGc {
  /** Looks at the disk now, and removes what must go. */
  collect(): Promise<void>
  /** Removes all that may go, whatever the disk's state, as under disk pressure; gives the bytes the images had. */
  removeUnused(): Promise<number>
  readonly stopped: Promise<void>
}

/** Whether nothing speaks against its removal still: the removals before it took their time, and pods may have come meanwhile. */
type MayGo = (image: ImageInfo) => boolean

const EVERY_MS = 300_000
const AGE_MS_MIN = 120_000

export function startImageGc(deps: GcDeps): ImageGc {
  const { docker, store, uses, options, clock, log, signal } = deps
  let failedBefore = false
  let working: Promise<unknown> = Promise.resolve()
  // One at a time: two would count the same bytes.
  const alone = <R>(work: () => Promise<R>): Promise<R> => {
    const result = working.then(work)
    working = result.catch(() => {})
    return result
  }

  const judge = (images: readonly ImageInfo[], usedIds: ReadonlySet<string>): GcPlan | undefined => {
    const wantedNames = deps.wantedNames()
    if (wantedNames === undefined) return undefined
    const { scope, pinned, ageMsMin = AGE_MS_MIN } = options
    return planImageGc({ images, uses: id => uses.get(id), usedIds, wantedNames, scope, pinned, ageMsMin, now: clock.now() })
  }

  const plan = async (): Promise<(GcPlan & { mayGo: MayGo }) | undefined> => {
    if (deps.wantedNames() === undefined) return undefined
    const since = clock.now()
    const images = await store.refresh()
    const usedIds = await docker.usedImages()
    uses.see(images, { inUse: usedIds, since })
    const found = judge(images, usedIds)
    return found && { ...found, mayGo: image => judge([image], usedIds)?.removable.length === 1 }
  }

  const collect = async () => {
    const found = await plan()
    if (!found) return
    const limits = { high: options.highPercent, low: options.lowPercent }
    const disk = await diskUse(docker.engine.rootDir)
    const wantedBytes = bytesToFree(disk, limits)
    if (wantedBytes === 0) {
      failedBefore = false
      return
    }
    log.info({ wantedBytes, removable: found.removable.length, ...disk }, 'The disk is too full: removing images')
    const { problems } = await remove(found, deps, async () => {
      // Layers are shared, so only the disk itself tells what a removal was worth.
      const { availableBytes } = await diskUse(docker.engine.rootDir)
      return availableBytes - disk.availableBytes >= wantedBytes
    })
    const freedBytes = Math.max(0, (await diskUse(docker.engine.rootDir)).availableBytes - disk.availableBytes)
    if (freedBytes >= wantedBytes) {
      failedBefore = false
      return
    }
    const why = `Failed to garbage collect required amount of images. Attempted to free ${wantedBytes} bytes, but only found ${freedBytes} bytes eligible to free.`
    deps.warn('FreeDiskSpaceFailed', `${why}${othersHint(found)}`)
    const failures =
      problems.length > 0
        ? `wanted to free ${wantedBytes} bytes, but freed ${freedBytes} bytes space with errors in image deletion: ${problems.slice(0, 3).join('; ')}`
        : why
    if (failedBefore || problems.length > 0) deps.warn('ImageGCFailed', failures)
    failedBefore = true
  }

  const run = async () => {
    while (!signal.aborted) {
      await clock.sleep(options.everyMs ?? EVERY_MS, signal).catch(() => {})
      if (signal.aborted) return
      await alone(collect).catch((err: unknown) => {
        log.warn({ err }, 'Cannot look after the images')
        if (failedBefore) deps.warn('ImageGCFailed', err instanceof Error ? err.message : String(err))
        failedBefore = true
      })
    }
  }

  return {
    collect: () => alone(collect),
    removeUnused: () =>
      alone(async () => {
        const found = await plan()
        return found ? (await remove(found, deps, async () => false)).bytes : 0
      }),
    stopped: run().then(() => working.then(() => {})),
  }
}

async function diskUse(path: string): Promise<DiskUse> {
  const disk = await statfs(path)
  return { totalBytes: disk.blocks * disk.bsize, availableBytes: disk.bavail * disk.bsize }
}

/** One after the other until `isEnough`. */
async function remove(
  { removable, mayGo }: Pick<GcPlan, 'removable'> & { mayGo: MayGo },
  { docker, log, signal }: Pick<GcDeps, 'docker' | 'log' | 'signal'>,
  isEnough: () => Promise<boolean>,
): Promise<{ bytes: number; problems: string[] }> {
  const problems: string[] = []
  let bytes = 0
  for (const image of removable) {
    if (signal.aborted || (await isEnough())) break
    if (!mayGo(image)) continue
    const names = namesOf(image)
    try {
      if (!(await removeOne(image, docker))) continue
      bytes += image.sizeBytes
      log.info({ image: names[0] ?? image.id, sizeBytes: image.sizeBytes }, 'Removed an image that nothing uses')
    } catch (err) {
      problems.push(`${names[0] ?? image.id}: ${err instanceof Error ? err.message : String(err)}`)
    }
  }
  return { bytes, problems }
}

/** Name by name and never by force, so that a container made meanwhile keeps its image. True when it is gone. */
async function removeOne({ id, tags, digests }: ImageInfo, docker: Docker): Promise<boolean> {
  const [named, byDigest] = [namesOf({ tags, digests: [] }), namesOf({ tags: [], digests })]
  for (const name of [...named, ...byDigest, id]) {
    const said = await docker.removeImage(name)
    if (said === 'in use') return false
    // The last tag takes the digests along.
    if (said === 'gone' || name === id) return (await docker.inspectImage(id)) === undefined
    if ((await docker.inspectImage(id)) === undefined) return true
  }
  return false
}

function othersHint({ kept }: GcPlan): string {
  const others = kept.filter(({ because }) => because === 'not pulled by this agent')
  if (others.length === 0) return ''
  const bytes = others.reduce((sum, { image }) => sum + image.sizeBytes, 0)
  return ` ${others.length} images of ${bytes} bytes were not pulled by this agent and stay (it removes them with --image-gc all).`
}
