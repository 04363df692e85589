import { watch } from 'node:fs'

/**
 * Calls `changed` when the kernel tells of a change in the directory; gives what ends the watch. Only a help: of a directory that is not
 * there, or when the kernel can watch no more (its limits are a machine's, and containers use them up), nothing is told.
 */
export function watchDirectory(path: string, changed: () => void): () => void {
  try {
    const watcher = watch(path, { persistent: false }, changed)
    watcher.on('error', changed)
    return () => watcher.close()
  } catch {
    return () => {}
  }
}
