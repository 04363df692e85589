import { readdir, readFile } from 'node:fs/promises'

/** Kills a process of the host and all its descendants; quiet about those that are gone already. */
export async function killTree(pid: number): Promise<void> {
  // Held still first: it starts no more children, and those it has stay known as its own.
  signal(pid, 'SIGSTOP')
  for (const child of await childrenOf(pid)) await killTree(child)
  signal(pid, 'SIGKILL')
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const lists = await Promise.all(threads.map(thread => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')))
    return lists.flatMap(list => list.split(' ').filter(Boolean).map(Number))
  } catch {
    return []
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It ended by itself.
  }
}
