/** Which images may go when the disk is full, and in which order. Pure. */
import { canonicalImageName } from '@davit/api'
import { type ImageInfo, PAUSE_IMAGE } from '../docker/index.ts'
import { globMatches } from './credentials.ts'
import type { ImageUse } from './uses.ts'

/** Left out in the names that Docker gives. */
const DOCKER_HUB = /^docker\.io\/(?:library\/)?/
const PINNED_LABEL = 'davit.dev/pinned'

export interface GcObserved {
  readonly images: readonly ImageInfo[]
  readonly uses: (id: string) => ImageUse | undefined
  /** Ids of the images of all containers of this host. */
  readonly usedIds: ReadonlySet<string>
  /** As pods of this node write them, also those that wait. */
  readonly wantedNames: readonly string[]
  /** `own`: only what this agent pulled. */
  readonly scope: 'own' | 'all'
  readonly pinned: readonly string[]
  readonly ageMsMin: number
  /** Wall clock, milliseconds. */
  readonly now: number
}

export type KeptBecause = 'used by a container' | 'named by a pod' | 'pinned' | 'new' | 'not pulled by this agent'

export interface GcPlan {
  /** Least recently used first. */
  readonly removable: readonly ImageInfo[]
  readonly kept: readonly { image: ImageInfo; because: KeptBecause }[]
}

export function planImageGc(observed: GcObserved): GcPlan {
  const wanted = new Set(observed.wantedNames.map(canonicalImageName))
  const kept: { image: ImageInfo; because: KeptBecause }[] = []
  const removable: ImageInfo[] = []
  for (const image of observed.images) {
    const because = whyKept(image, wanted, observed)
    if (because) kept.push({ image, because })
    else removable.push(image)
  }
  const lastUsed = ({ id }: ImageInfo) => observed.uses(id)?.lastUsed ?? 0
  const firstSeen = ({ id }: ImageInfo) => observed.uses(id)?.firstSeen ?? observed.now
  removable.sort((a, b) => lastUsed(a) - lastUsed(b) || firstSeen(a) - firstSeen(b))
  return { removable, kept }
}

function whyKept(image: ImageInfo, wanted: ReadonlySet<string>, observed: GcObserved): KeptBecause | undefined {
  const { usedIds, scope, pinned, ageMsMin, now } = observed
  const use = observed.uses(image.id)
  const names = namesOf(image)
  if (usedIds.has(image.id)) return 'used by a container'
  if (wanted.has(image.id) || names.some(name => wanted.has(name))) return 'named by a pod'
  if (image.labels[PINNED_LABEL] === 'true' || names.includes(PAUSE_IMAGE)) return 'pinned'
  if (names.some(name => pinned.some(glob => globMatches(glob.replace(DOCKER_HUB, ''), name)))) return 'pinned'
  if (scope === 'own' && !isOwn(image, use)) return 'not pulled by this agent'
  if (!use || now - use.firstSeen < ageMsMin || now - (use.lastUsed ?? 0) < ageMsMin) return 'new'
  return undefined
}

/** Pulled here by the agent, and not tagged by anybody else since. */
function isOwn(image: ImageInfo, use: ImageUse | undefined): boolean {
  if (!use || use.pulled.length === 0) return false
  return image.tags.filter(isName).every(tag => use.pulled.includes(tag))
}

/** Docker's names without its placeholders for none. */
export function namesOf({ tags, digests }: Pick<ImageInfo, 'tags' | 'digests'>): string[] {
  return [...tags, ...digests].filter(isName)
}

function isName(name: string): boolean {
  return !name.includes('<none>')
}

export interface DiskUse {
  readonly totalBytes: number
  readonly availableBytes: number
}

/** How much must be freed: nothing below the high threshold, else enough to come down to the low one. Thresholds in per cent; a high one of 100: never. */
export function bytesToFree({ totalBytes, availableBytes }: DiskUse, { high, low }: { high: number; low: number }): number {
  if (high >= 100 || totalBytes <= 0 || availableBytes > totalBytes) return 0
  const usedPercent = 100 - Math.floor((availableBytes * 100) / totalBytes)
  if (usedPercent < high) return 0
  return Math.max(0, Math.floor((totalBytes * (100 - low)) / 100) - availableBytes)
}
