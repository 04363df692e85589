/** Files that need not be there. Whatever else keeps one from being read is told: much is deleted because nobody names it any more. */
import { readdir } from 'node:fs/promises'

/** For `catch`: nothing where there is no such file or directory. */
export function ignoreMissing(err: NodeJS.ErrnoException): undefined {
  if (err.code !== 'ENOENT' && err.code !== 'ENOTDIR') throw err
}

/** Names in the directory, none when it does not exist. */
export async function namesIn(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(ignoreMissing)) ?? []
}
