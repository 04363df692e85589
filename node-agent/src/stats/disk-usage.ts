/** How much a directory tree takes on its disk: one walk at a time, with pauses, so that nothing else waits for it. */
import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface DiskUsage {
  bytes: number
  inodes: number
  /** False when there was more than could be counted. */
  complete: boolean
}

const ENTRIES_MAX = 200_000
const AT_ONCE = 16
const BLOCK_BYTES = 512

let before: Promise<unknown> = Promise.resolve()

/** Bytes and inodes below `path` on its own file system; nothing when it is not there. Walks of one process follow each other. */
export function diskUsage(path: string, signal: AbortSignal, { entriesMax = ENTRIES_MAX } = {}): Promise<DiskUsage> {
  const walked = before.then(() => walk(path, { signal, entriesMax }))
  before = walked.catch(() => {})
  return walked
}

async function walk(path: string, { signal, entriesMax }: { signal: AbortSignal; entriesMax: number }): Promise<DiskUsage> {
  const usage: DiskUsage = { bytes: 0, inodes: 0, complete: true }
  const top = await lstat(path).catch(() => undefined)
  if (!top) return usage
  const linked = new Set<number>()
  const count = (stats: Stats) => {
    // A file with several names counts once.
    if (stats.nlink > 1 && !stats.isDirectory()) {
      if (linked.has(stats.ino)) return
      linked.add(stats.ino)
    }
    usage.bytes += stats.blocks * BLOCK_BYTES
    usage.inodes += 1
  }
  count(top)
  const directories = top.isDirectory() ? [path] : []
  for (let dir = directories.pop(); dir !== undefined; dir = directories.pop()) {
    signal.throwIfAborted()
    // Whatever vanishes in the middle of the walk takes no room any more.
    const names = await readdir(dir).catch(() => [])
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const paths = names.slice(at, at + AT_ONCE).map(name => join(dir, name))
      const found = await Promise.all(paths.map(file => lstat(file).catch(() => undefined)))
      for (const [index, stats] of found.entries()) {
        if (!stats || stats.dev !== top.dev) continue
        if (usage.inodes >= entriesMax) return { ...usage, complete: false }
        count(stats)
        if (stats.isDirectory()) directories.push(paths[index] ?? '')
      }
    }
  }
  return usage
}
