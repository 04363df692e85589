import { spawn } from 'node:child_process'

/**
 * Takes the lock on `file` for this process alone; it is free again once the function given is called, or this process ends in whatever
 * way. Waits `waitMs` for it at most; undefined if it is taken for so long.
 */
export async function lock(file: string, { waitMs }: { waitMs: number }): Promise<(() => Promise<void>) | undefined> {
  // The lock lives as long as the child does, and the child as long as the pipe to it.
  const wait = `${waitMs / 1000}`
  const child = spawn('flock', ['--timeout', wait, '--no-fork', file, 'sh', '-c', 'echo locked; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', cause => reject(new Error(`Cannot lock ${file}: flock did not start`, { cause })))
    child.once('close', () => resolve())
  })
  const taken = new Promise<boolean>(resolve => child.stdout.once('data', () => resolve(true)))
  if (!(await Promise.race([taken, ended.then(() => false)]))) return undefined
  child.unref()
  for (const stream of [child.stdin, child.stdout]) if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
  return () => {
    child.ref()
    child.stdin.end()
    return ended
  }
}

/** Runs `work` while no other process that asks for the lock on `file` does. */
export async function locked<R>(file: string, work: () => Promise<R>): Promise<R> {
  const release = await lock(file, { waitMs: 60_000 })
  if (!release) throw new Error(`Cannot lock ${file}: another process held it for 60 s`)
  try {
    return await work()
  } finally {
    await release()
  }
}
