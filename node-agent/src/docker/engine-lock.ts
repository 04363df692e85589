import { createServer } from 'node:net'

/**
 * Makes this process the only agent of a Docker engine: binds an abstract Unix socket named by the engine's id, which the kernel frees
 * when the process ends, however it ends. Throws when another agent holds it.
 */
export async function lockEngine(engineId: string, signal: AbortSignal): Promise<void> {
  const server = createServer(socket => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) => {
      reject(
        err.code === 'EADDRINUSE' ? new Error(`Another agent already runs on Docker engine "${engineId}", wanted to be the only one`) : err,
      )
    })
    server.listen(`\0davit-agent-${engineId}`, resolve)
  })
  server.unref()
  signal.addEventListener('abort', () => server.close(), { once: true })
}
