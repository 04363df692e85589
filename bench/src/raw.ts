/** Raw Docker: as many containers from the same image on the same hosts, and nobody who looks after them. */
import type { DockerHost } from '@davit/deploy'
import { removeContainers, startContainer } from './containers.ts'
import { connectEngine, type Engine } from './engine.ts'

export interface RawOptions {
  replicas: number
  /** Containers that are being started at once, on all hosts together. */
  inFlight: number
  signal: AbortSignal
}

/** Seconds from the first request to the last container started. The containers are gone again when it settles. */
export async function runRaw(hosts: readonly DockerHost[], { replicas, inFlight, signal }: RawOptions): Promise<number> {
  const engines = hosts.map(host => connectEngine(host.socket))
  try {
    const began = performance.now()
    let next = 0
    const starter = async () => {
      while (next < replicas) {
        signal.throwIfAborted()
        await startContainer(engines[next++ % engines.length] as Engine)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, starter))
    const took = (performance.now() - began) / 1000
    await Promise.all(hosts.map(removeContainers))
    return took
  } finally {
    for (const engine of engines) engine.close()
  }
}
