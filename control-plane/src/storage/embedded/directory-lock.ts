/**
 * One process a directory. The lock is an abstract Unix socket named after the directory: the kernel takes it back when
 * its holder dies, however it dies, so there is nothing stale to clean up.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpath } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import type { Clock } from '@davit/api'

const RETRY_DELAY_MS = 100

/** Waits up to `waitMs` for another holder to go. Throws naming the directory when it stays. */
export async function lockDirectory(
  directory: string,
  { clock, signal, waitMs }: { clock: Clock; signal: AbortSignal; waitMs: number },
): Promise<AsyncDisposable> {
  const name = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
  const start = clock.monotonic()
  for (;;) {
    signal.throwIfAborted()
    const server = await listen(`\0davit-directory-${name}`)
    if (server) return { [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())) }
    if (clock.monotonic() - start > waitMs) throw new Error(`Cannot use "${directory}": another control plane is running on it`)
    await clock.sleep(RETRY_DELAY_MS, signal)
  }
}

async function listen(path: string): Promise<Server | undefined> {
  const server = createServer(socket => socket.destroy())
  server.unref()
  try {
    server.listen(path)
    await once(server, 'listening')
    return server
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined
    throw error
  }
}
