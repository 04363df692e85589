/** How much volumes hold. A directory is measured by walking it, a filesystem by asking it. */
import { lstat, readdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@davit/api'
import { inTurn } from './in-turn.ts'

export interface VolumeUsage {
  readonly name: string
  readonly claim?: { readonly namespace: string; readonly name: string }
  readonly usedBytes: number
  readonly availableBytes: number
  readonly capacityBytes: number
  readonly inodesUsed: number
  readonly inodes: number
  readonly inodesFree: number
}

export type Measured = Pick<VolumeUsage, 'usedBytes' | 'inodesUsed'>

/** A walk is not begun again within this time. */
const FRESH_MS = 10_000
const ENTRIES_MAX = 2_000_000
const BLOCK_BYTES = 512

/** Of the whole filesystem at `path`, as for a claim. */
export async function filesystemUsage(path: string): Promise<Omit<VolumeUsage, 'name' | 'claim'>> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path)
  return {
    usedBytes: (blocks - bfree) * bsize,
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    inodesUsed: files - ffree,
    inodes: files,
    inodesFree: ffree,
  }
}

/**
 * Measures directories off the hot path: one walk at a time, an answer good for ten seconds. Of walks of one directory never more than one
 * is waited for, however slow the disk is.
 */
export function createMeter(clock: Clock, measure = walk): (path: string) => Promise<Measured> {
  const known = new Map<string, { endedAt?: number; measured: Promise<Measured> }>()
  const turns = inTurn()
  const isFresh = ({ endedAt }: { endedAt?: number }) => endedAt === undefined || clock.monotonic() - endedAt < FRESH_MS
  return path => {
    for (const [old, answer] of known) if (!isFresh(answer)) known.delete(old)
    const before = known.get(path)
    if (before) return before.measured
    const answer: { endedAt?: number; measured: Promise<Measured> } = { measured: turns('', () => measure(path)) }
    const end = () => {
      answer.endedAt = clock.monotonic()
    }
    answer.measured.then(end, end)
    known.set(path, answer)
    return answer.measured
  }
}

/** Blocks and entries below `path` on its own filesystem; a file with several names counts once. */
export async function walk(path: string): Promise<Measured> {
  const root = await lstat(path)
  let usedBytes = root.blocks * BLOCK_BYTES
  let inodesUsed = 1
  const linked = new Set<number>()
  const pending = [path]
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    for (const name of await readdir(dir).catch(() => [])) {
      const at = join(dir, name)
      const found = await lstat(at).catch(() => undefined)
      if (!found || found.dev !== root.dev) continue
      if (found.nlink > 1 && !found.isDirectory()) {
        if (linked.has(found.ino)) continue
        linked.add(found.ino)
      }
      usedBytes += found.blocks * BLOCK_BYTES
      inodesUsed += 1
      if (inodesUsed >= ENTRIES_MAX) return { usedBytes, inodesUsed }
      if (found.isDirectory()) pending.push(at)
    }
  }
  return { usedBytes, inodesUsed }
}
